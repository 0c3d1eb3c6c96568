"""Scripts of accelerate are read as plain loops, line by line."""

import textwrap

import pytest

from hydra_lightning.convert.accelerate import without_accelerate
from hydra_lightning.convert.source import Source


def plain(code: str) -> str:
    """The code after ``accelerator = Accelerator()``, rewritten."""
    before = f"from accelerate import Accelerator\naccelerator = Accelerator()\n{textwrap.dedent(code)}"
    after = without_accelerate({"train.py": Source("train.py", before)})["train.py"]
    assert after.text.count("\n") == before.count("\n")
    assert after.written == before
    return "\n".join(after.text.splitlines()[2:]).rstrip()


def test_a_script_without_an_accelerator_stays_as_it_is() -> None:
    sources = {"train.py": Source("train.py", "accelerator.backward(loss)\n")}
    assert without_accelerate(sources) == sources


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("accelerator.backward(loss)", "loss.backward()"),
        ("accelerator.backward(loss / steps)", "(loss / steps).backward()"),
        ("accelerator.backward(loss, retain_graph=True)", "loss.backward(retain_graph=True)"),
        ("model, optimizer = accelerator.prepare(model, optimizer)", "pass"),
        ("accelerator.wait_for_everyone()", "pass"),
        ("accelerator.save_state('last')", "pass"),
        ("a, b = accelerator.gather_for_metrics((a.argmax(-1), b))", "a, b = a.argmax(-1), b"),
        ("a, b = accelerator.gather((a, b))", "pass"),
        ("losses.append(accelerator.gather(loss.repeat(4)))", "losses.append(loss.repeat(4))"),
        ("accelerator.print(f'{loss}')", "print(f'{loss}')"),
        ("accelerator.log({'loss': loss}, step=3)", "print({'loss': loss})"),
        ("x = x.to(accelerator.device)", 'x = x.to(torch.device("cuda"))'),
        ("torch.save(accelerator.unwrap_model(net).state_dict(), f)", "torch.save(net.state_dict(), f)"),
        (
            "net.save_pretrained(f, save_function=accelerator.save)",
            "net.save_pretrained(f, save_function=torch.save)",
        ),
        ("warmup = args.warmup * accelerator.num_processes", "warmup = args.warmup"),
        ("n = steps if given else steps * accelerator.num_processes", "n = steps"),
        (
            "norm = accelerator.clip_grad_norm_(net.parameters(), 1.0)",
            "norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)",
        ),
    ],
)
def test_what_it_is_asked_for_is_plain_pytorch(before: str, after: str) -> None:
    assert plain(before) == after


def test_its_contexts_are_taken_away() -> None:
    assert plain(
        """
        with accelerator.accumulate(model):
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
        with accelerator.main_process_first(), open(path) as file:
            text = file.read()
        """
    ) == textwrap.dedent(
        """
        if True:
            loss.backward()
            if True:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        with open(path) as file:
            text = file.read()"""
    )


def test_what_resumes_is_never_reached() -> None:
    assert plain("if args.resume:\n    accelerator.load_state(args.resume)\n") == "if False:\n    pass"


def test_a_function_is_not_given_it() -> None:
    assert plain(
        '''
        def loaders(accelerator: Accelerator, path: str):
            """Make them.

            Args:
                accelerator (`Accelerator`):
                    An object.
                path (`str`):
                    Where.
            """
            return read(path)

        train = loaders(accelerator, "x")
        '''
    ) == textwrap.dedent(
        '''
        def loaders(path: str):
            """Make them.

            Args:
                path (`str`):
                    Where.
            """


            return read(path)

        train = loaders("x")'''
    )


def test_a_call_of_several_lines_keeps_its_lines() -> None:
    assert (
        plain(
            """
        accelerator.log(
            {
                "loss": loss,
            },
            step=step,
        )
        step += 1
        """
        ).splitlines()[-1]
        == "step += 1"
    )


def test_the_logger_is_that_of_python() -> None:
    before = """
        from accelerate.logging import get_logger
        logger = get_logger(__name__)
        logger.info("x", main_process_only=False)
        """
    assert plain(before).split("\n")[1:] == [
        "import logging",
        "logger = logging.getLogger(__name__)",
        'logger.info("x")',
    ]


def test_how_often_it_steps_may_be_set_later() -> None:
    before = (
        "accelerator.gradient_accumulation_steps = n\nsteps = 9 // accelerator.gradient_accumulation_steps"
    )
    assert plain(before).splitlines()[-1] == "steps = 9 // n"


def test_one_that_an_option_chooses_is_one() -> None:
    code = "from accelerate import Accelerator\na = Accelerator(cpu=True) if track else Accelerator()\na.backward(loss)"
    after = without_accelerate({"train.py": Source("train.py", code)})["train.py"].text
    assert after.splitlines()[-1] == "loss.backward()"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('print(f"on {accelerator.device.type}")', "print(f\"on {torch.device('cuda').type}\")"),
        ("print(f'on {accelerator.device.type}')", "print(f'on {torch.device(\"cuda\").type}')"),
        ("accelerator.gradient_accumulation_steps = 4", "accelerator.gradient_accumulation_steps = 4"),
        ("first = accelerator.use_distributed", "first = False"),
    ],
)
def test_what_is_read_of_it_fits_where_it_stands(before: str, after: str) -> None:
    assert plain(before) == after


def test_a_batch_size_that_is_searched_is_a_default() -> None:
    assert plain(
        """
        def run(size):
            @find_executable_batch_size(starting_batch_size=size // 2)
            def train(batch_size):
                nonlocal accelerator
                accelerator.free_memory()
                return loaders(batch_size)

            train()
        """
    ) == textwrap.dedent(
        """
        def run(size):
            {0}
            def train(batch_size=size // 2):
                pass
                pass
                return loaders(batch_size)

            train()"""
    ).format("")


def test_what_sets_a_trigger_is_asked_where_it_is_looked_at() -> None:
    assert plain(
        """
        for batch in loader:
            if stopper(
                loss.item()
            ):
                accelerator.set_trigger()
            if accelerator.check_trigger():
                break
        """
    ) == textwrap.dedent(
        """
        for batch in loader:
            pass



            if stopper(loss.item()):
                break"""
    )


@pytest.mark.parametrize(
    ("loop", "rows"),
    [
        ("for step, batch in enumerate(loader):\n    out = net(batch['x'])", "len(batch['x'])"),
        ("for step, (x, y) in enumerate(loader, 1):\n    out = net(x)", "len(x)"),
        ("for x, y in loader:\n    out = net(x)", "len(x)"),
        ("for batch in loader:\n    x, y = batch", "len(x)"),
        ("for batch in loader:\n    out = net(**batch)", "len(next(iter(batch.values())))"),
    ],
)
def test_what_is_repeated_for_a_batch_is_cut_to_its_rows(loop: str, rows: str) -> None:
    before = f"\n{loop}\n    losses.append(accelerator.gather_for_metrics(loss.repeat(args.size)))\n"
    assert plain(before).splitlines()[-1] == f"    losses.append(loss.repeat(args.size)[: {rows}])"
