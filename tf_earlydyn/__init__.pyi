# The public names, of which __init__.py makes what is imported when it is first used.
from tf_earlydyn import (
    activations as activations,
    companion as companion,
    config as config,
    data as data,
    distribution as distribution,
    metrics as metrics,
    models as models,
    ntk as ntk,
    plots as plots,
    report as report,
    rundir as rundir,
    studies as studies,
    theory as theory,
    training as training,
    twin as twin,
)
from tf_earlydyn.config import (
    DataConfig as DataConfig,
    ExecutionConfig as ExecutionConfig,
    KernelStudyConfig as KernelStudyConfig,
    ModelConfig as ModelConfig,
    RunConfig as RunConfig,
    TrainingConfig as TrainingConfig,
)
from tf_earlydyn.errors import (
    DivergenceError as DivergenceError,
    InputError as InputError,
    Stopped as Stopped,
    WorkerError as WorkerError,
    WriteError as WriteError,
)
from tf_earlydyn.exits import ExitDetector as ExitDetector
from tf_earlydyn.models import (
    LinearModel as LinearModel,
    NTKConv2D as NTKConv2D,
    NTKDense as NTKDense,
    antisymmetric as antisymmetric,
    cnn as cnn,
    mlp as mlp,
    two_layer as two_layer,
)
from tf_earlydyn.ntk import empirical_ntk as empirical_ntk, ntk_operator as ntk_operator
from tf_earlydyn.twin import AffineTwin as AffineTwin, ExitMonitor as ExitMonitor, affine_twin as affine_twin
