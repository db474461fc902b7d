"""Every type of resource that the templates of the project and of CDK's bootstrap use."""

from typing import Final

from local.rehearsal.emulator.types import access, compute, data, network, services, storage
from local.rehearsal.emulator.types.base import Recorded, ResourceType

TYPES: Final[dict[str, ResourceType]] = {
    "AWS::ApiGatewayV2::Api": services.HttpApiPart("api"),
    "AWS::ApiGatewayV2::Integration": services.HttpApiPart("integration"),
    "AWS::ApiGatewayV2::Route": services.HttpApiPart("route"),
    "AWS::ApiGatewayV2::Stage": services.HttpApiPart("stage"),
    "AWS::CloudWatch::Alarm": services.Alarm(),
    "AWS::CloudWatch::Dashboard": services.Dashboard(),
    "AWS::EC2::FlowLog": network.FlowLog(),
    "AWS::EC2::RouteTable": network.RouteTable(),
    "AWS::EC2::SecurityGroup": network.SecurityGroup(),
    "AWS::EC2::SecurityGroupEgress": network.Rule("egress"),
    "AWS::EC2::SecurityGroupIngress": network.Rule("ingress"),
    "AWS::EC2::Subnet": network.Subnet(),
    "AWS::EC2::SubnetRouteTableAssociation": network.RouteTableAssociation(),
    "AWS::EC2::VPC": network.Vpc(),
    "AWS::EC2::VPCEndpoint": network.VpcEndpoint(),
    "AWS::ECR::Repository": storage.Repository(),
    "AWS::ElastiCache::ServerlessCache": data.ServerlessCache(),
    "AWS::ElastiCache::User": data.CacheUser(),
    "AWS::Events::Rule": services.EventRule(),
    "AWS::IAM::ManagedPolicy": access.ManagedPolicy(),
    "AWS::IAM::Policy": access.Policy(),
    "AWS::IAM::Role": access.Role(),
    "AWS::KMS::Alias": storage.KeyAlias(),
    "AWS::KMS::Key": storage.Key(),
    "AWS::Lambda::Alias": compute.Alias(),
    "AWS::Lambda::EventSourceMapping": compute.EventSourceMapping(),
    "AWS::Lambda::Function": compute.Function(),
    "AWS::Lambda::LayerVersion": compute.Layer(),
    "AWS::Lambda::Permission": compute.Permission(),
    "AWS::Lambda::Version": compute.Version(),
    "AWS::Logs::LogGroup": storage.LogGroup(),
    "AWS::Pipes::Pipe": services.Pipe(),
    "AWS::RDS::DBInstance": data.Instance(),
    "AWS::RDS::DBSubnetGroup": data.SubnetGroup(),
    "AWS::S3::Bucket": storage.Bucket(),
    "AWS::SNS::Subscription": services.Subscription(),
    "AWS::SNS::Topic": services.Topic(),
    "AWS::SNS::TopicPolicy": services.TopicPolicy(),
    "AWS::SQS::Queue": services.Queue(),
    "AWS::SQS::QueuePolicy": services.QueuePolicy(),
    "AWS::SSM::Parameter": storage.Parameter(),
    "AWS::Scheduler::Schedule": services.Schedule(),
    "AWS::SecretsManager::Secret": data.Secret(),
    "AWS::SecretsManager::SecretTargetAttachment": data.SecretAttachment(),
    "AWS::StepFunctions::StateMachine": services.StateMachine(),
}
# Declared and kept, without an effect here.
RECORDED: Final[dict[str, ResourceType]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": Recorded("Id"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": Recorded("Arn"),
    "AWS::CloudWatch::CompositeAlarm": Recorded("Arn", name="AlarmName"),
    "AWS::CodeDeploy::Application": Recorded(name="ApplicationName"),
    "AWS::CodeDeploy::DeploymentGroup": Recorded(name="DeploymentGroupName"),
    "AWS::ElastiCache::UserGroup": Recorded("Arn", name="UserGroupId"),
    "AWS::RDS::DBParameterGroup": Recorded(name="DBParameterGroupName"),
    "AWS::S3::BucketPolicy": Recorded(name="Bucket"),  # moto would deny by statements whose conditions it cannot read
}
CUSTOM: Final = compute.Custom()


class UnknownType(Exception):
    """A template uses a type that the emulator does not have."""


def type_of(name: str) -> ResourceType:
    if name.startswith("Custom::") or name == "AWS::CloudFormation::CustomResource":
        return CUSTOM
    found = TYPES.get(name) or RECORDED.get(name)
    if found is None:
        raise UnknownType(f"{name}: add it to local/rehearsal/emulator/types/")
    return found
