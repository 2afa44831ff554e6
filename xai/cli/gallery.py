"""``xai gallery`` and ``xai correspond``: a gallery of labelled pictures, and pictures explained by it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from .text import Progress, check_folder, names_text, table, write


def gallery(arguments: argparse.Namespace) -> None:
    """Encode a folder of labelled pictures, one subfolder a class, for `xai correspond` and the dashboard."""
    from ..chmcorr import Gallery

    with Progress("encoding") as progress:
        made = Gallery.from_folder(
            arguments.folder,
            arguments.backbone,
            _grid(arguments.grid),
            layer=arguments.layer,
            duplicates=arguments.duplicates,
            path=arguments.out,
            progress=progress,
        )
    sizes = [f"{int((made.labels == code).sum()):,}" for code in range(len(made.class_names))]
    counts = [f"{names_text([name])} {size}" for name, size in zip(made.class_names, sizes, strict=True)]
    print(
        f"Wrote {arguments.out}: {len(made):,} pictures ({', '.join(counts)}), {made.backbone.name}, grid {made.grid}."
    )


def correspond(arguments: argparse.Namespace) -> None:
    """Classify pictures by patches they share with a gallery's, and say which patches of which pictures."""
    from ..chmcorr import PUBLISHED, CorrespondenceClassifier, Gallery, Options

    out = None if arguments.out is None else Path(arguments.out)
    if out is not None:
        check_folder(out)
    opened = Gallery.open(arguments.gallery, arguments.backbone)
    options = PUBLISHED if arguments.published else Options(arguments.candidates, arguments.k)
    classifier = CorrespondenceClassifier(opened, options)
    mask = None if arguments.mask is None else _mask(Path(arguments.mask))
    rows, records = [["picture", "answer", "votes", "best example", "its strongest patch pair"]], []
    with Progress("comparing") as progress:
        for done, file in enumerate(arguments.images):
            progress(done / len(arguments.images), Path(file).name)
            found = classifier.explain(_picture(Path(file)))
            found = found if mask is None else found.edit(mask)
            best = found.exemplars[0]
            here, there = best.pairs[0].query, best.pairs[0].exemplar
            pair = f"row {here[0] + 1} column {here[1] + 1} with row {there[0] + 1} column {there[1] + 1}"
            votes = f"{found.votes[found.label]} of {found.n_voters}"
            rows.append([Path(file).name, found.label, votes, best.name, pair])
            records.append(_record(Path(file).name, found))
    print(table(rows))
    for record in records:
        for notice in record["notices"]:
            print(f"{record['picture']}: {notice}")
    if out is not None:
        text = json.dumps(
            {"options": options.to_dict(), "backbone": opened.backbone.name, "pictures": records}, indent=1
        )
        write(out, lambda path: path.write_text(text + "\n", encoding="utf-8"))
        print(f"Wrote {out}.")


def _record(name: str, found: Any) -> dict[str, Any]:
    exemplars = [
        {
            "picture": one.name,
            "class": one.label,
            "rank": one.rank + 1,
            "score": one.score,
            "pairs": [
                {"query": pair.query, "exemplar": pair.exemplar, "cosine": pair.cosine, "term": pair.term}
                for pair in one.pairs
            ],
        }
        for one in found.exemplars
    ]
    return {
        "picture": name,
        "answer": found.label,
        "votes": dict(found.votes),
        "n_voters": found.n_voters,
        "edited": found.edited,
        "patch_map": found.patch_map.tolist(),
        "exemplars": exemplars,
        "notices": list(found.notices),
    }


def _picture(file: Path) -> Any:
    from ..models.vision import read_image

    try:
        return read_image(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from error


def _mask(file: Path) -> Any:
    """A map from JSON: rows of weights, or an edit session, whose last map is taken."""
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise InputError(f"{file} is no JSON: {error}") from error
    if isinstance(body, dict) and "steps" in body and "line" in body:
        return body["steps"][body["line"][body["at"]]]["mask"]
    if not isinstance(body, list):
        raise InputError(f"{file} must hold rows of weights, e.g. [[1, 0], [0, 1]], or an edit session.")
    return body


def _grid(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) for part in parts):
        raise InputError(f"--grid {text}: write ROWSxCOLUMNS, e.g. 7x7.")
    return int(parts[0]), int(parts[1])


def add(commands: Any, command: Any) -> None:
    """Add both to the parser; ``command`` makes a subcommand of a function, a line and examples."""
    made = command(
        commands,
        gallery,
        "encode a folder of labelled pictures",
        ["xai gallery pictures -o birds.gallery", "xai gallery scans -o scans.gallery --backbone network.onnx"],
    )
    made.add_argument("folder", metavar="FOLDER", help="PNG and JPEG files, one subfolder a class")
    made.add_argument("-o", "--out", required=True, metavar="FOLDER", help="where to write: a new folder")
    made.add_argument(
        "--backbone",
        default="efficientnet_lite0",
        help="efficientnet_lite0, demo, or an ONNX file (default: %(default)s)",
    )
    made.add_argument("--layer", help="where to cut the network of an ONNX file")
    made.add_argument("--grid", default="7x7", metavar="ROWSxCOLUMNS", help="patches a picture (default: %(default)s)")
    made.add_argument(
        "--duplicates", choices=("error", "drop", "keep"), default="error", help="equal pictures (default: %(default)s)"
    )
    made = command(
        commands,
        correspond,
        "classify pictures by patches they share with a gallery's",
        ["xai correspond birds.gallery new.jpg -o why.json", "xai correspond birds.gallery *.jpg --mask middle.json"],
    )
    made.add_argument("gallery", metavar="GALLERY", help="a folder that `xai gallery` wrote")
    made.add_argument("images", nargs="+", metavar="PICTURE", help="PNG and JPEG files")
    made.add_argument("-o", "--out", metavar="FILE", help="write votes, examples and patch pairs as JSON")
    made.add_argument("--backbone", help="the ONNX file that encoded the gallery, where it was one")
    made.add_argument("--candidates", type=int, default=50, metavar="N", help="nearest pictures compared (default: 50)")
    made.add_argument("--k", type=int, default=20, metavar="K", help="best of them that vote (default: 20)")
    made.add_argument("--published", action="store_true", help="the constants and rule of CHM-Corr (2022)")
    made.add_argument(
        "--mask",
        metavar="FILE",
        help="JSON: rows of weights of the patches, or an edit session, in place of the model's map",
    )
