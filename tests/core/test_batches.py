"""Every picture is shown once an epoch, in an order that depends on the seed."""

import numpy as np
import torch

from gan_core.pictures.batches import Batches


def numbered(n):
    return np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1).repeat(3, axis=3)


def dealt(seed=0, n=10, batch=4, count=5):
    batches = Batches(numbered(n), torch.Generator().manual_seed(seed))
    parts = [batches.next(batch) for _ in range(count)]
    return ((torch.cat(parts)[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def test_every_epoch_shows_each_picture_once_even_across_batches():
    order = dealt()
    assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
    assert order[:10] != order[10:]


def test_the_order_depends_on_the_seed_alone():
    assert dealt(seed=1) == dealt(seed=1) != dealt(seed=2)


def test_a_batch_larger_than_the_set_is_filled_from_several_epochs():
    assert sorted(dealt(n=3, batch=6, count=1)) == [0, 0, 1, 1, 2, 2]


def test_pixels_map_zero_to_minus_one_and_255_to_one():
    batches = Batches(np.array([[[[0, 128, 255]]]], np.uint8), torch.Generator())
    x = batches.next(1)
    assert x.shape == (1, 3, 1, 1)
    assert (x[0, 0], x[0, 2]) == (-1, 1)
