"""The files of clusters under docs/cluster: their schemas, and the commands in them."""

import json
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from hybridmatte.cli.app import app

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs" / "cluster"
JOB = yaml.safe_load((FOLDER / "kuberay-job.yaml").read_text())
CLUSTER = yaml.safe_load((FOLDER / "ray-cluster.yaml").read_text())

# The fields of KubeRay's ray.io/v1, from the Go types of the operator; a list of our own, not its schema.
FIELDS = {
    "job": {
        *("activeDeadlineSeconds", "backoffLimit", "rayClusterSpec", "submitterPodTemplate", "metadata"),
        *("clusterSelector", "submitterConfig", "managedBy", "deletionStrategy", "entrypoint", "runtimeEnvYAML"),
        *("jobId", "submissionMode", "entrypointResources", "entrypointNumCpus", "entrypointNumGpus"),
        *("ttlSecondsAfterFinished", "shutdownAfterJobFinishes", "suspend"),
    },
    "cluster": {
        *("suspend", "managedBy", "autoscalerOptions", "headServiceAnnotations", "enableInTreeAutoscaling"),
        *("gcsFaultToleranceOptions", "headGroupSpec", "rayVersion", "workerGroupSpecs"),
    },
    "head": {"template", "headService", "enableIngress", "rayStartParams", "serviceType"},
    "workers": {
        *("suspend", "groupName", "replicas", "minReplicas", "maxReplicas", "idleTimeoutSeconds"),
        *("rayStartParams", "template", "scaleStrategy", "numOfHosts"),
    },
    "container": {"name", "image", "env", "envFrom", "resources", "ports", "readinessProbe", "livenessProbe"},
}
SPEC = JOB["spec"]["rayClusterSpec"]
GROUPS = [SPEC["headGroupSpec"], *SPEC["workerGroupSpecs"]]
CONTAINERS = [group["template"]["spec"]["containers"][0] for group in GROUPS]


def check_batch(words):
    """Refuse options that ``batch`` does not have, and check that all photographs are done on the cluster."""
    options = {text for option in get_command(app).commands["batch"].params for text in option.opts}
    assert words[:2] == ["hybridmatte", "batch"]
    assert {word for word in words if word.startswith("-")} <= options
    assert {"--resume", "--engine", "--address"} <= {*words}


def test_the_ray_cluster_fits_the_schema_of_ray():
    autoscaler = pytest.importorskip("ray.autoscaler", reason="needs the extra cluster")
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(autoscaler.__file__).parent / "ray-schema.json").read_text())
    jsonschema.validate(CLUSTER, schema)
    with pytest.raises(jsonschema.ValidationError, match="worker_nodes"):
        jsonschema.validate({**CLUSTER, "worker_nodes": {}}, schema)


def test_ray_itself_takes_the_cluster():
    util = pytest.importorskip("ray.autoscaler._private.util", reason="needs the extra cluster")
    pytest.importorskip("jsonschema")
    prepared = util.prepare_config(json.loads(json.dumps(CLUSTER)))
    util.validate_config(prepared)
    assert prepared["max_workers"] == len(CLUSTER["provider"]["worker_ips"])
    assert prepared["docker"]["image"] == CLUSTER["docker"]["image"]


def test_the_job_has_the_fields_of_kuberay():
    assert (JOB["apiVersion"], JOB["kind"]) == ("ray.io/v1", "RayJob")
    assert set(JOB) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(JOB["spec"]) <= FIELDS["job"]
    assert set(SPEC) <= FIELDS["cluster"]
    assert set(GROUPS[0]) <= FIELDS["head"]
    assert {"groupName", "rayStartParams", "template"} <= set(GROUPS[1]) <= FIELDS["workers"]
    assert GROUPS[1]["minReplicas"] <= GROUPS[1]["replicas"] <= GROUPS[1]["maxReplicas"]
    for group, container in zip(GROUPS, CONTAINERS, strict=True):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        assert set(container) <= FIELDS["container"]
        assert container["resources"]["requests"] == container["resources"]["limits"]  # as Ray counts the cores


def test_only_workers_work_on_photographs():
    assert GROUPS[0]["rayStartParams"]["num-cpus"] == "0"
    assert "num-cpus" not in GROUPS[1]["rayStartParams"]
    assert "--num-cpus=0" in CLUSTER["head_start_ray_commands"][1]
    assert "--num-cpus" not in CLUSTER["worker_start_ray_commands"][1]


def test_the_image_is_that_of_the_service_with_the_extra_cluster():
    image = CLUSTER["docker"]["image"]
    assert {container["image"] for container in CONTAINERS} == {image}
    name = image.rpartition("/")[2].partition(":")[0]
    packages = "PACKAGES='.[app,heic,cluster] ray[default]'"
    for file in FOLDER.glob("*.yaml"):
        text = " ".join(file.read_text().replace("#", "").replace("\\\n", "").split())
        assert f"docker build -f docs/service/Dockerfile -t {name} --build-arg {packages} ." in text
    assert "ARG PACKAGES=" in (ROOT / "docs" / "service" / "Dockerfile").read_text()


def test_commands_in_the_files_are_those_of_batch():
    words, end = JOB["spec"]["entrypoint"].split(" || ")
    check_batch(shlex.split(words))
    assert end == "test $? -eq 1"
    comment = (FOLDER / "ray-cluster.yaml").read_text().partition("--tmux")[2].partition("'")[2].partition("'")[0]
    check_batch(shlex.split(comment))


def test_probes_are_python_and_say_no_where_nothing_runs():
    for container in CONTAINERS:
        command = container["readinessProbe"]["exec"]["command"]
        assert command[:2] == ["python", "-c"]
        compile(command[2], "probe", "exec")
        assert container["livenessProbe"] == container["readinessProbe"]
