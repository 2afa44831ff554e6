"""A query beside its nearest pictures: where each of its cells lies in each of them, and how alike the two are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .gallery import Gallery, fit
from .grids import Grid, cell_at, pool, unit
from .matching import MATCHERS, Correlation

# Pictures matched at once: all pairs of 14 x 14 cells are 150 kB a picture, and three such arrays are alive.
_BLOCK = 64


@dataclass(frozen=True, eq=False)
class Vectors:
    """Features on the grid of cells: of the query ``(cells, p)``, and of N candidates ``(N, cells, p)``."""

    query: np.ndarray
    candidates: np.ndarray


@dataclass(frozen=True, eq=False)
class Matched:
    """What stays the same however often the map is edited.

    Attributes
    ----------
    gallery
        Where the candidates are from.
    query
        ``(H, W, 3)`` uint8, as it was encoded.
    digest
        Hash of the query.
    candidates
        ``(N,)`` positions in the gallery, the nearest first.
    similarities
        ``(N,)`` cosines of the embeddings.
    targets
        ``(N, cells)`` cell of each candidate that a cell of the query is matched with.
    cosines
        ``(N, cells)`` S: cosine of the two.
    left_out
        Names of pictures of the gallery that are the query itself.
    """

    gallery: Gallery
    query: np.ndarray = field(repr=False)
    digest: str
    candidates: np.ndarray = field(repr=False)
    similarities: np.ndarray = field(repr=False)
    targets: np.ndarray = field(repr=False)
    cosines: np.ndarray = field(repr=False)
    left_out: tuple[str, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """``(N,)`` class of each candidate, a position in the gallery's names."""
        return np.asarray(self.gallery.labels[self.candidates])


def on_grid(maps: np.ndarray, gallery: Gallery) -> np.ndarray:
    """Vectors ``(n, cells, p)`` of maps as fine as the gallery's."""
    pooled = pool(maps.astype(np.float32), gallery.factor)
    return pooled.reshape(len(pooled), -1, pooled.shape[-1])


def query_maps(maps: np.ndarray, gallery: Gallery) -> np.ndarray:
    """Maps of a query brought to the size of the gallery's."""
    return fit(maps, gallery.grid)


def match(maps: np.ndarray, gallery: Gallery, candidates: np.ndarray, matcher: str) -> tuple[np.ndarray, Vectors]:
    """Cells of the candidates that the cells of a query lie in, ``(N, cells)``, and the vectors on both sides.

    Parameters
    ----------
    maps
        ``(1, h, w, p)`` of the query, see :func:`query_maps`.
    """
    places, vectors = locate(maps, gallery, candidates, matcher)
    return cell_at(places, gallery.grid), vectors


def locate(maps: np.ndarray, gallery: Gallery, candidates: np.ndarray, matcher: str) -> tuple[np.ndarray, Vectors]:
    """Where in the candidates the cells of a query lie, ``(N, cells, 2)``, and the vectors as :func:`match` gives them.

    Matching happens on the gallery's finer maps where it has them; a cell goes where the pieces of it go on average.
    """
    grid, size = gallery.grid, (int(gallery.maps.shape[1]), int(gallery.maps.shape[2]))
    query = unit(maps.reshape(-1, maps.shape[-1]).astype(np.float32))
    places, vectors = [], []
    for start in range(0, len(candidates), _BLOCK):
        block = np.asarray(gallery.maps[candidates[start : start + _BLOCK]], dtype=np.float32)
        vectors.append(on_grid(block, gallery))
        fine = block.reshape(len(block), -1, block.shape[-1])
        cosines = np.einsum("ip,njp->nij", query, unit(fine), optimize=True)
        places.append(MATCHERS[matcher](_correlation(cosines, maps, fine, size)))
    pieces = np.concatenate(places).reshape(len(candidates), grid[0], gallery.factor, grid[1], gallery.factor, 2)
    means = pieces.mean(axis=(2, 4)).reshape(len(candidates), -1, 2)
    return means, Vectors(on_grid(maps, gallery)[0], np.concatenate(vectors))


def cosines_at(vectors: Vectors, targets: np.ndarray) -> np.ndarray:
    """``(N, cells)`` cosine of each cell of the query and the cell it is matched with."""
    there = np.take_along_axis(unit(vectors.candidates), targets[..., None], axis=1)
    return np.asarray((unit(vectors.query) * there).sum(axis=-1), dtype=float)


def cross_correlation(vectors: Vectors, *, of_candidates: bool = False) -> np.ndarray:
    """``(N, cells)`` part of each cell of the query in the cosine of the two pictures' mean vectors; rows sum to it.

    CC_i = f_i . g_mean / (cells |f_mean| |g_mean|). With ``of_candidates``, the parts of the candidates' cells.
    """
    f, g = vectors.query, vectors.candidates
    f_mean, g_mean = f.mean(axis=0), g.mean(axis=1)
    size = np.linalg.norm(f_mean) * np.linalg.norm(g_mean, axis=1) * len(f)
    parts = g @ f_mean if of_candidates else g_mean @ f.T
    return np.asarray(parts / np.where(size > 0, size, 1)[:, None])


def _correlation(cosines: np.ndarray, query: np.ndarray, fine: np.ndarray, size: Grid) -> Correlation:
    from .scores import masses

    query_mass, candidate_mass = masses(Vectors(query.reshape(-1, query.shape[-1]).astype(np.float32), fine))
    return Correlation(cosines, size, query_mass, candidate_mass)
