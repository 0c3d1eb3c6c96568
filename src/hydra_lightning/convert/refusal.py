"""What cannot be converted: a stable code, the line, and nothing written."""

from __future__ import annotations

from hydra_lightning.errors import HydraLightningError


class Refused(HydraLightningError):  # noqa: N818 - a refusal is an answer, not a defect
    """A program that is not converted.

    Args:
        code: the stable name of the reason.
        site: ``file:line`` in the program.
        why: one sentence.
    """

    def __init__(self, code: str, site: str, why: str) -> None:
        super().__init__(f"refused ({code})  {site}: {why}")
        self.code, self.site, self.why = code, site, why
