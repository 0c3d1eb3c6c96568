"""The schemas in ``.vscode/settings.json``, and in a line of each config file."""

import pytest

from hydra_lightning.config.editor import parsed, with_modeline, with_schemas
from hydra_lightning.errors import ConfigError

OURS = "./.hydra-schemas/"
SCHEMAS = {
    "./.hydra-schemas/train.json": ["configs/train.yaml"],
    "./.hydra-schemas/a.json": ["configs/a.yaml", "!x"],
}


def test_a_new_file_has_the_schemas_and_the_version_of_yaml() -> None:
    text = with_schemas("", SCHEMAS, OURS)
    assert parsed(text) == {"yaml.yamlVersion": "1.1", "yaml.schemas": SCHEMAS}
    assert text == (
        "{\n"
        '  "yaml.yamlVersion": "1.1",\n'
        '  "yaml.schemas": {\n'
        '    "./.hydra-schemas/train.json": ["configs/train.yaml"],\n'
        '    "./.hydra-schemas/a.json": ["configs/a.yaml", "!x"]\n'
        "  }\n"
        "}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{ }\n",
        "{\n  // mine\n}",
        '{\n    // why\n    "editor.rulers": [110], /* wide */\n    "a": {"b": "}"} // last\n}\n',
        '{"a": 1, "files": {"x": "//no comment", "y": [1, 2,],},}',
        '{\n\t"yaml.schemas": {\n\t\t// theirs\n\t\t"https://e.org/ci.json": "ci/*.yml", // ci\n\t},\n\t"z": 1\n}\n',
        '{"yaml.schemas": {}}',
        '{"yaml.schemas": {"./.hydra-schemas/old.json": ["x"], "b.json": ["y"]}, "yaml.yamlVersion": "1.2"}',
        '{"yaml.schemas": {"b.json": ["y"], "./.hydra-schemas/old.json": {"c": "}"}}}',
        '{"yaml.schemas": {"./.hydra-schemas/old.json": 1}}',
    ],
)
def test_the_settings_of_others_and_their_comments_stay(text: str) -> None:
    before = parsed(text)
    after = with_schemas(text, SCHEMAS, OURS)
    others = {key: value for key, value in before.get("yaml.schemas", {}).items() if not key.startswith(OURS)}
    assert parsed(after) == {"yaml.yamlVersion": "1.1"} | before | {"yaml.schemas": others | SCHEMAS}
    for comment in ("// mine", "// why", "/* wide */", "// last", "// theirs", "// ci"):
        assert (comment in after) == (comment in text)
    assert with_schemas(after, SCHEMAS, OURS) == after, "a second time changes nothing"


@pytest.mark.parametrize(
    "text", ["{", '{"a": }', "[1]", "settings", '{"a" 1}', '{"yaml.schemas": ["x"]}', '{"a": "b}', "{} {}"]
)
def test_what_is_not_such_a_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        with_schemas(text, SCHEMAS, OURS)


def test_a_modeline_is_added_once_and_replaced() -> None:
    once = with_modeline("# @package _global_\nseed: 1\n", "../a.json")
    assert once == "# @package _global_\n# yaml-language-server: $schema=../a.json\nseed: 1\n"
    assert with_modeline(once, "../a.json") == once
    assert with_modeline(once, "../b.json") == once.replace("a.json", "b.json")
