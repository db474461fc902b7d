"""ElastiCache Serverless for Valkey: TLS, one IAM user, limits of size and requests."""

from typing import Final

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from constructs import Construct

from infra.constructs.vpc import DataNetwork
from infra.settings import Settings

PORTS: Final = ec2.Port.tcp_range(6379, 6380)  # 6380: the endpoint for reads
# All commands but those that empty or reconfigure the cache; INFO is needed for cluster discovery.
ACCESS: Final = "on ~* &* +@all -@admin -@dangerous +info"


class Cache(Construct):
    """The cache and its user. Not retained: losing it makes answers slower, and loses none."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: DataNetwork) -> None:
        super().__init__(scope, id)
        self.name = settings.name("cache")
        # With IAM the user id and name must be equal, and ids are unique in an account: hence the environment in it.
        self.user = settings.name("assistant")
        access = ec2.SecurityGroup(
            self,
            "Access",
            vpc=network.vpc,
            description="Valkey: in from the data-side functions",
            allow_all_outbound=False,
        )
        access.add_ingress_rule(network.functions, PORTS, "Data-side functions")
        network.functions.add_egress_rule(access, PORTS, "Valkey", remote_rule=True)
        user = elasticache.CfnUser(
            self,
            "User",
            engine="valkey",
            user_id=self.user,
            user_name=self.user,
            access_string=ACCESS,
            authentication_mode={"Type": "iam"},
        )
        # A user group for Valkey needs no user `default`, so nobody can sign in without IAM.
        users = elasticache.CfnUserGroup(
            self, "Users", engine="valkey", user_group_id=settings.name("users"), user_ids=[user.ref]
        )
        limits = elasticache.CfnServerlessCache.CacheUsageLimitsProperty(
            data_storage=elasticache.CfnServerlessCache.DataStorageProperty(
                maximum=settings.cache.maximum_storage, unit="GB"
            ),
            ecpu_per_second=elasticache.CfnServerlessCache.ECPUPerSecondProperty(
                maximum=settings.cache.maximum_requests
            ),
        )
        self._cache = elasticache.CfnServerlessCache(
            self,
            "Valkey",
            engine="valkey",
            major_engine_version="8",
            serverless_cache_name=self.name,
            user_group_id=users.ref,
            cache_usage_limits=limits,
            security_group_ids=[access.security_group_id],
            subnet_ids=network.vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED).subnet_ids,
        )

    @property
    def url(self) -> str:
        return f"rediss://{self.user}@{self._cache.attr_endpoint_address}:{self._cache.attr_endpoint_port}"

    @property
    def connect_arns(self) -> list[str]:
        """The ARNs of the cache and of its user, for `elasticache:Connect`."""
        prefix = f"arn:{Aws.PARTITION}:elasticache:{Aws.REGION}:{Aws.ACCOUNT_ID}"
        return [f"{prefix}:serverlesscache:{self.name}", f"{prefix}:user:{self.user}"]

    def metric(self, name: str, period: Duration) -> cloudwatch.Metric:
        """The sum over a period."""
        return cloudwatch.Metric(
            namespace="AWS/ElastiCache",
            metric_name=name,
            dimensions_map={"clusterId": self.name},
            statistic="Sum",
            period=period,
        )
