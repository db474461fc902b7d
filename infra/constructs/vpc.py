"""The network of the data side: isolated subnets, no NAT, no interface endpoint; S3 through a gateway endpoint."""

from aws_cdk import Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.log_group import log_group
from infra.settings import ExistingDatabase, Settings


class DataNetwork(Construct):
    """A VPC without internet access, or that of an existing database."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id)
        existing = settings.database.existing
        self.vpc: ec2.IVpc = self._existing(existing) if existing else self._isolated(settings)
        self.subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        if existing is None or existing.make_s3_endpoint:
            self._s3_endpoint()
        self.functions = ec2.SecurityGroup(
            self,
            "Functions",
            vpc=self.vpc,
            description="Data-side functions: out to the database, the cache and S3",
            allow_all_outbound=False,
        )
        # The route table only has a route to S3, whose prefix list differs between regions.
        self.functions.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "S3 through the gateway endpoint")

    def _isolated(self, settings: Settings) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=settings.name("data"),
            ip_addresses=ec2.IpAddresses.cidr("10.71.0.0/20"),
            # Not every zone has every instance class, nor the serverless cache.
            **({"availability_zones": [*zones]} if (zones := settings.availability_zones) else {"max_azs": 2}),
            nat_gateways=0,
            restrict_default_security_group=False,  # unused, and CDK would add a function to empty it
            subnet_configuration=[
                ec2.SubnetConfiguration(name="data", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=23)
            ],
        )
        # Nothing is rejected in normal operation: a line means that a function tries to reach something else.
        rejected = log_group(self, "Rejected", f"/school/{settings.environment}/rejected-traffic", settings.log_days)
        vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(rejected, _flow_log_role(self, rejected)),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _existing(self, database: ExistingDatabase) -> ec2.IVpc:
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=database.vpc_id,
            vpc_cidr_block=database.vpc_cidr,
            availability_zones=list(database.availability_zones),
            isolated_subnet_ids=list(database.subnet_ids),
            isolated_subnet_route_table_ids=list(database.route_table_ids),
        )

    def _s3_endpoint(self) -> None:
        endpoint = ec2.GatewayVpcEndpoint(
            self,
            "S3",
            vpc=self.vpc,
            service=ec2.GatewayVpcEndpointAwsService.S3,
            subnets=[self.subnets],
        )
        # No data can leave for a bucket of another account.
        endpoint.add_to_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject", "s3:GetObject"],
                resources=["*"],
                conditions={"StringEquals": {"aws:ResourceAccount": Aws.ACCOUNT_ID}},
            )
        )


def _flow_log_role(scope: Construct, group: logs.LogGroup) -> iam.Role:
    return iam.Role(scope, "FlowLogRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"))
