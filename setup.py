"""Package metadata. TensorFlow is an extra, so that installing the package never replaces a runtime's own build."""

from pathlib import Path

from setuptools import find_packages, setup

TENSORFLOW_VERSIONS = ">=2.19,<2.22"
LINUX_X86 = "sys_platform == 'linux' and platform_machine == 'x86_64'"
NOT_LINUX_X86 = "sys_platform != 'linux' or platform_machine != 'x86_64'"

setup(
    name="tf_earlydyn",
    version="0.1.0",
    description="Early-time learning dynamics of neural networks in TensorFlow and Keras 3",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    # The notebooks in colab/ are opened and installed from here. The owner is one that nobody on GitHub can be called:
    # whoever publishes the repository puts a name there, as colab/README.md says.
    url="https://github.com/-owner-/tf_earlydyn",
    license="Apache-2.0",
    license_files=["LICENSE"],
    author="The tf_earlydyn authors",
    keywords=["deep learning", "learning dynamics", "neural tangent kernel", "tensorflow", "keras"],
    project_urls={"Paper": "https://arxiv.org/abs/2006.14599"},
    packages=find_packages(include=["tf_earlydyn", "tf_earlydyn.*"]),
    package_data={"tf_earlydyn": ["py.typed", "__init__.pyi"], "tf_earlydyn.report": ["page.css"]},
    python_requires=">=3.10",
    install_requires=[
        "absl-py",
        "importlib_resources",  # tensorflow-datasets 4.9.10 needs it to download and does not ask for it
        "keras>=3.5",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "pandas>=2.1",
        "scipy>=1.11",
        "seaborn>=0.13",
        "tensorboard",  # tf.summary needs it; TensorFlow 2.21 no longer brings it
        "tensorflow-datasets>=4.9.6",
        "tqdm",
        "wrapt",
    ],
    extras_require={
        # The CPU-only build exists for Linux on x86-64; elsewhere the plain build is the CPU build.
        "cpu": [
            f"tensorflow-cpu{TENSORFLOW_VERSIONS}; {LINUX_X86}",
            f"tensorflow{TENSORFLOW_VERSIONS}; {NOT_LINUX_X86}",
        ],
        "gpu": [f"tensorflow[and-cuda]{TENSORFLOW_VERSIONS}"],
        "tpu": [f"tensorflow-tpu{TENSORFLOW_VERSIONS}"],
        "dev": [
            "ipykernel",
            "latex2mathml",  # the formulas of the documentation, by pdoc's Markdown
            "mypy==2.4.*",
            "nbclient",
            "pandas-stubs",
            "pdoc==16.*",
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
            "ruff==0.17.*",
            "selenium",
            "types-tqdm",
        ],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
