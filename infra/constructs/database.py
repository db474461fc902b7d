"""PostgreSQL: the primary, its replica, and who may connect."""

from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import database_memory
from infra.constructs.acknowledge import acknowledge
from infra.constructs.vpc import DataNetwork
from infra.settings import Settings

NAME = "school"
USER = "assistant"  # signs in with IAM; made by the `migrate` function
PORT = 5432
# No statement is logged for its duration: PostgreSQL would write its values, which are phone numbers, beside it.
PARAMETERS = {"rds.force_ssl": "1"}
ENGINE = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18)


class Database(Construct):
    """A primary and, if the settings want one, a read replica; or the replica of a database that exists."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: DataNetwork) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._network = network
        self._sizes = settings.database
        self._parameters: rds.ParameterGroup | None = None
        self._removal = RemovalPolicy.RETAIN
        self.security_group = ec2.SecurityGroup(
            self,
            "Access",
            vpc=network.vpc,
            description="PostgreSQL: in from the data-side functions",
            allow_all_outbound=False,
        )
        if not self._sizes.existing:
            self.security_group.apply_removal_policy(self._removal)  # a retained primary still uses it
        self._open(self.security_group, PORT)
        self.primary: rds.IDatabaseInstance = self._existing() if self._sizes.existing else self._new()
        self.replica = self._replica() if self._sizes.replica else None

    # --- instances -------------------------------------------------------------------------------------------------

    def _new(self) -> rds.DatabaseInstance:
        master = rds.DatabaseSecret(self, "Master", username="postgres", secret_name=self._settings.secret_name("db"))
        master.apply_removal_policy(self._removal)
        self.master_secret: secretsmanager.ISecret = master
        share = database_memory.share_of(self._sizes.instance)
        self._parameters = rds.ParameterGroup(
            self,
            "Parameters",
            engine=ENGINE,
            description="School assistant: TLS, and memory for sign-ins with IAM",
            parameters=PARAMETERS | (share.parameters() if share else {}),
            removal_policy=self._removal,  # a retained primary still uses it
        )
        primary = rds.DatabaseInstance(
            self,
            "Primary",
            instance_identifier=self._settings.name("primary"),
            engine=ENGINE,
            database_name=NAME,
            credentials=rds.Credentials.from_secret(master),
            instance_type=ec2.InstanceType(self._sizes.instance),
            vpc=self._network.vpc,
            vpc_subnets=self._network.subnets,
            security_groups=[self.security_group],
            multi_az=self._sizes.multi_az,
            allocated_storage=self._sizes.storage,
            max_allocated_storage=self._sizes.maximum_storage,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            iam_authentication=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            parameter_group=self._parameters,
            **self._insights(),
            backup_retention=Duration.days(self._sizes.backup_days),
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            auto_minor_version_upgrade=True,
            port=PORT,
            publicly_accessible=False,
            deletion_protection=self._settings.protected,
            removal_policy=self._removal,
        )
        self._acknowledge(primary)
        acknowledge(
            master,
            {
                "AwsSolutions-SMG4": "Rotating needs a function that reaches both the secret and the database. The "
                "password is used at deploy alone, inside the network; docs/operations.md says how to change it."
            },
        )
        return primary

    def _existing(self) -> rds.IDatabaseInstance:
        existing = self._sizes.existing
        assert existing is not None
        theirs = ec2.SecurityGroup.from_security_group_id(self, "Theirs", existing.security_group_id)
        self._open(theirs, existing.port)
        self.master_secret = secretsmanager.Secret.from_secret_complete_arn(self, "Master", existing.master_secret_arn)
        return rds.DatabaseInstance.from_database_instance_attributes(
            self,
            "Primary",
            instance_identifier=existing.identifier,
            instance_endpoint_address=existing.host,
            instance_resource_id=existing.resource_id,
            port=existing.port,
            security_groups=[theirs],
            engine=ENGINE,
        )

    def _replica(self) -> rds.DatabaseInstanceReadReplica:
        replica = rds.DatabaseInstanceReadReplica(
            self,
            "Replica",
            source_database_instance=self.primary,
            instance_identifier=self._settings.name("replica"),
            instance_type=ec2.InstanceType(self._sizes.instance),
            vpc=self._network.vpc,
            vpc_subnets=self._network.subnets,
            security_groups=[self.security_group],
            storage_type=rds.StorageType.GP3,
            max_allocated_storage=None if self._sizes.existing else self._sizes.maximum_storage,
            parameter_group=self._parameters,  # of an existing database the replica has its primary's
            **self._insights(),
            iam_authentication=True,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            auto_minor_version_upgrade=True,
            port=PORT,
            publicly_accessible=False,
            deletion_protection=False,
            removal_policy=RemovalPolicy.DESTROY,  # the primary holds all its data
        )
        self._acknowledge(replica)
        acknowledge(replica, {"AwsSolutions-RDS2": "Encrypted as its primary is; it cannot be said twice."})
        return replica

    def _insights(self) -> dict[str, Any]:
        """Performance Insights, free for seven days; not where the memory is needed for sign-ins."""
        if self._sizes.instance.endswith(".micro"):
            return {}
        return {
            "enable_performance_insights": True,
            "performance_insight_retention": rds.PerformanceInsightRetention.DEFAULT,
        }

    def _acknowledge(self, instance: Construct) -> None:
        reasons = {
            "AwsSolutions-RDS3": "Multi-AZ is a setting: a school accepts a restore from backup, a group does not.",
            "AwsSolutions-RDS10": "On the primary it is the setting `protected`: on in prod; dev must be removable. A "
            "replica holds nothing of its own.",
            "AwsSolutions-RDS11": "The port is no secret: only the functions' security group reaches it.",
        }
        acknowledge(instance, reasons)

    # --- metrics, found by name: a reference would be an export of the stack ---------------------------------------

    def primary_metric(
        self, name: str, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        existing = self._sizes.existing
        return _metric(existing.identifier if existing else self._settings.name("primary"), name, statistic, period)

    def replica_metric(
        self, name: str, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        return _metric(self._settings.name("replica"), name, statistic, period)

    # --- access ----------------------------------------------------------------------------------------------------

    def _open(self, group: ec2.ISecurityGroup, port: int) -> None:
        group.add_ingress_rule(self._network.functions, ec2.Port.tcp(port), "Data-side functions")
        self._network.functions.add_egress_rule(group, ec2.Port.tcp(port), "PostgreSQL", remote_rule=True)

    @property
    def writer_url(self) -> str:
        return _url(self.primary)

    @property
    def reader_url(self) -> str:
        return _url(self.replica or self.primary)

    @property
    def writer_user_arn(self) -> str:
        return _user_arn(self.primary)

    @property
    def reader_user_arn(self) -> str:
        return _user_arn(self.replica or self.primary)


def _metric(identifier: str, name: str, statistic: str, period: Duration | None) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/RDS",
        metric_name=name,
        dimensions_map={"DBInstanceIdentifier": identifier},
        statistic=statistic,
        period=period or Duration.minutes(5),
    )


def _url(instance: rds.IDatabaseInstance) -> str:
    address = instance.db_instance_endpoint_address
    return f"postgresql+pg8000://{USER}@{address}:{instance.db_instance_endpoint_port}/{NAME}"


def _user_arn(instance: rds.IDatabaseInstance) -> str:
    """The ARN of one user of one instance, for `rds-db:connect`."""
    made = instance.node.default_child  # None for an existing database
    # CDK 2.275 gives the ARN of a replica instead of its resource id.
    resource = made.attr_dbi_resource_id if isinstance(made, rds.CfnDBInstance) else instance.instance_resource_id
    return f"arn:{Aws.PARTITION}:rds-db:{Aws.REGION}:{Aws.ACCOUNT_ID}:dbuser:{resource}/{USER}"
