"""Which input members do something here, which are only kept and shown, and which are refused because they would
change what runs.

A member of botocore's model that stands in none of the three lists is one that nobody has looked at:
tests/ecs/test_fields.py walks the model and refuses that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecrlab.aws.wire.errors import ApiError


@dataclass(frozen=True)
class Fields:
    """The members of one input shape: ``used``, ``kept`` (shown again, without effect) and ``refused``."""

    used: frozenset[str]
    kept: frozenset[str]
    refused: frozenset[str]


def _fields(used: str, kept: str = "", refused: str = "") -> Fields:
    return Fields(frozenset(used.split()), frozenset(kept.split()), frozenset(refused.split()))


_PAGE = "nextToken maxResults"
_SERVICE = "cluster desiredCount taskDefinition deploymentConfiguration networkConfiguration deploymentController"
_SERVICE_KEPT = (
    "availabilityZoneRebalancing capacityProviderStrategy enableECSManagedTags enableExecuteCommand "
    "healthCheckGracePeriodSeconds platformVersion propagateTags"
)
_SERVICE_REFUSED = (
    "loadBalancers serviceRegistries placementConstraints placementStrategy serviceConnectConfiguration "
    "volumeConfigurations vpcLatticeConfigurations gatewayConnectors monitoring"
)

#: By operation: the members of its input.
OPERATIONS: Mapping[str, Fields] = {
    "CreateCluster": _fields(
        "clusterName tags",
        "settings capacityProviders defaultCapacityProviderStrategy",
        "configuration serviceConnectDefaults",
    ),
    "DescribeClusters": _fields("clusters include"),
    "ListClusters": _fields(_PAGE),
    "DeleteCluster": _fields("cluster"),
    "RegisterTaskDefinition": _fields(
        "family taskRoleArn executionRoleArn networkMode containerDefinitions requiresCompatibilities cpu memory "
        "runtimePlatform tags",
        "volumes ephemeralStorage",
        "placementConstraints pidMode ipcMode proxyConfiguration inferenceAccelerators enableFaultInjection "
        "trustedExecutionConfiguration",
    ),
    "DescribeTaskDefinition": _fields("taskDefinition include"),
    "ListTaskDefinitions": _fields(f"familyPrefix status sort {_PAGE}"),
    "ListTaskDefinitionFamilies": _fields(f"familyPrefix status {_PAGE}"),
    "DeregisterTaskDefinition": _fields("taskDefinition"),
    "RunTask": _fields(
        "capacityProviderStrategy cluster count group launchType networkConfiguration overrides startedBy tags "
        "taskDefinition clientToken",
        "enableECSManagedTags enableExecuteCommand platformVersion propagateTags referenceId",
        "placementConstraints placementStrategy volumeConfigurations",
    ),
    "StopTask": _fields("cluster task reason"),
    "DescribeTasks": _fields("cluster tasks include"),
    "ListTasks": _fields(
        f"cluster family startedBy serviceName desiredStatus launchType {_PAGE}", "", "containerInstance daemonName"
    ),
    "CreateService": _fields(
        f"{_SERVICE} serviceName launchType schedulingStrategy tags clientToken",
        _SERVICE_KEPT,
        f"{_SERVICE_REFUSED} role",
    ),
    "UpdateService": _fields(f"{_SERVICE} service forceNewDeployment", _SERVICE_KEPT, _SERVICE_REFUSED),
    "DescribeServices": _fields("cluster services include"),
    "ListServices": _fields(f"cluster launchType schedulingStrategy {_PAGE}", "", "resourceManagementType"),
    "DeleteService": _fields("cluster service force"),
    "ListServiceDeployments": _fields(f"service cluster status createdAt {_PAGE}"),
    "DescribeServiceDeployments": _fields("serviceDeploymentArns"),
    "DescribeServiceRevisions": _fields("serviceRevisionArns"),
    "StopServiceDeployment": _fields("serviceDeploymentArn stopType"),
    "TagResource": _fields("resourceArn tags"),
    "UntagResource": _fields("resourceArn tagKeys"),
    "ListTagsForResource": _fields("resourceArn"),
}

#: The members of a container definition.
CONTAINER = _fields(
    "name image essential command entryPoint environment workingDirectory user memory memoryReservation portMappings "
    "stopTimeout readonlyRootFilesystem versionConsistency dockerLabels dependsOn healthCheck",
    "cpu logConfiguration ulimits linuxParameters startTimeout interactive pseudoTerminal",
    "repositoryCredentials links restartPolicy environmentFiles mountPoints volumesFrom secrets hostname "
    "disableNetworking privileged dnsServers dnsSearchDomains extraHosts dockerSecurityOptions systemControls "
    "resourceRequirements firelensConfiguration credentialSpecs",
)  # fmt: skip
#: The members of RunTask's overrides, and of one container's in them.
OVERRIDES = _fields(
    "containerOverrides executionRoleArn taskRoleArn", "cpu memory", "inferenceAcceleratorOverrides ephemeralStorage"
)
CONTAINER_OVERRIDES = _fields(
    "name command environment", "cpu memory memoryReservation", "environmentFiles resourceRequirements"
)
#: The members of a service's deploymentConfiguration.
DEPLOYMENT = _fields(
    "deploymentCircuitBreaker maximumPercent minimumHealthyPercent",
    "strategy bakeTimeInMinutes",
    "alarms lifecycleHooks linearConfiguration canaryConfiguration earlySuccessCriteria",
)


def refuse(given: Mapping[str, Any], fields: Fields, where: str = "") -> None:
    """Refuse what would change what runs and is not here; an empty value asks for nothing.

    ``where`` names the structure that the members stand in. Raises ApiError InvalidParameterException.
    """
    for name in given:
        if name in fields.refused and given[name]:
            place = f"{where}.{name}" if where else name
            raise ApiError(
                "InvalidParameterException",
                f"ECR Lab does not have {place}: it would change what runs. See docs/fidelity.md for what it has.",
            )
