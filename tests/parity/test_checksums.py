import random

import numpy as np
import pytest
import torch

from hydra_lightning.parity.checksums import gradient_norm, of_random_state, of_tensor


@pytest.fixture
def _the_states_as_they_were():
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])


@pytest.mark.parametrize(
    ("generator", "draw"),
    [
        ("torch", lambda: torch.rand(1)),
        ("python", random.random),
        ("python", lambda: random.gauss(0, 1)),
        ("numpy", np.random.rand),
        ("numpy", lambda: np.random.seed(3)),
    ],
)
@pytest.mark.usefixtures("_the_states_as_they_were")
def test_what_is_drawn_of_a_generator_changes_its_state_alone(generator, draw):
    np.random.seed(0)
    before = of_random_state()
    assert of_random_state() == before
    draw()
    after = of_random_state()
    assert {name for name in before if before[name] != after[name]} == {generator}


@pytest.mark.usefixtures("_the_states_as_they_were")
def test_a_normal_number_that_numpy_keeps_for_the_next_call_is_a_part_of_its_state():
    np.random.seed(0)
    states = []
    for _ in range(3):
        states.append(of_random_state()["numpy"])
        np.random.randn()
    assert len(set(states)) == 3
    np.random.seed(0)
    np.random.randn()
    assert of_random_state()["numpy"] == states[1]


@pytest.mark.parametrize(
    "other",
    [
        torch.arange(6).reshape(3, 2),
        torch.arange(6, dtype=torch.int32).reshape(2, 3),
        torch.arange(6).reshape(2, 3) + 1,
        torch.arange(6).reshape(3, 2).T,
    ],
)
def test_shape_type_and_values_make_a_tensor(other):
    tensor = torch.arange(6).reshape(2, 3)
    assert of_tensor(tensor) != of_tensor(other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64, torch.bool, torch.int16])
def test_how_a_tensor_lies_in_memory_is_no_part_of_it(dtype):
    tensor = torch.arange(24).reshape(1, 2, 3, 4).to(dtype)
    assert of_tensor(tensor) == of_tensor(tensor.to(memory_format=torch.channels_last))
    assert of_tensor(tensor) == of_tensor(tensor.clone().requires_grad_(dtype.is_floating_point))
    assert of_tensor(tensor[:, :, :, :0]) == of_tensor(tensor[:, :, :, :0].clone())


def test_what_is_only_marked_as_conjugate_or_negative_is_read_as_what_it_is():
    values = torch.tensor([1 + 2j, 3 - 4j])
    assert of_tensor(values.conj()) == of_tensor(values.conj().resolve_conj())
    assert of_tensor(values.conj().imag) == of_tensor(torch.tensor([-2.0, 4.0]))


def parameters(*shapes):
    torch.manual_seed(0)
    found = [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes]
    for each in found:
        each.grad = torch.randn_like(each)
    return found


def test_the_norm_of_gradients_is_that_of_all_their_elements_in_any_order():
    small = parameters((3, 4), (256, 256), (), (5,))
    whole = torch.cat([each.grad.flatten() for each in small]).double().norm().item()
    assert gradient_norm(small) == pytest.approx(whole, rel=1e-6)
    assert gradient_norm(reversed(small)) == gradient_norm(small)


def test_the_norm_of_a_large_gradient_is_estimated():
    large = parameters((20_000, 64), (3, 300_000), (7,))
    whole = torch.cat([each.grad.flatten() for each in large]).double().norm().item()
    norm = gradient_norm(large)
    assert norm == pytest.approx(whole, rel=0.01)
    assert norm != pytest.approx(whole, rel=1e-6)
    for each in large:
        each.grad *= 2
    assert gradient_norm(large) == 2 * norm


def test_the_norm_of_sparse_gradients_and_of_none():
    embedding = torch.nn.Embedding(10, 4, sparse=True)
    embedding(torch.tensor([1, 1, 3])).sum().backward()
    assert gradient_norm(embedding.parameters()) == pytest.approx((4 * 4 + 4) ** 0.5)
    assert gradient_norm([torch.nn.Parameter(torch.zeros(3))]) == 0
