"""EC2's networks."""

from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from local.rehearsal.emulator.types.base import Context, Made, Properties, ResourceType, client


class Fixed(ResourceType):
    """What is not changed in place here."""

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made


class Vpc(Fixed):
    replaced_by = ("CidrBlock",)

    def create(self, context: Context, properties: Properties) -> Made:
        found = client("ec2").create_vpc(CidrBlock=properties["CidrBlock"])["Vpc"]
        return Made(found["VpcId"], {"VpcId": found["VpcId"], "CidrBlock": properties["CidrBlock"]})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ec2").delete_vpc(VpcId=made.id)


class Subnet(Fixed):
    replaced_by = ("CidrBlock", "VpcId", "AvailabilityZone")

    def create(self, context: Context, properties: Properties) -> Made:
        place = {name: properties[name] for name in ("VpcId", "CidrBlock", "AvailabilityZone")}
        found = client("ec2").create_subnet(**place)["Subnet"]
        return Made(found["SubnetId"], {"SubnetId": found["SubnetId"], **place})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ec2").delete_subnet(SubnetId=made.id)


class RouteTable(Fixed):
    def create(self, context: Context, properties: Properties) -> Made:
        id = client("ec2").create_route_table(VpcId=properties["VpcId"])["RouteTable"]["RouteTableId"]
        return Made(id, {"RouteTableId": id})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ec2").delete_route_table(RouteTableId=made.id)


class RouteTableAssociation(Fixed):
    def create(self, context: Context, properties: Properties) -> Made:
        id = client("ec2").associate_route_table(**properties)["AssociationId"]
        return Made(id, {"Id": id})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ec2").disassociate_route_table(AssociationId=made.id)


class VpcEndpoint(Fixed):
    def create(self, context: Context, properties: Properties) -> Made:
        found = client("ec2").create_vpc_endpoint(
            VpcId=properties["VpcId"],
            ServiceName=properties["ServiceName"],
            VpcEndpointType=properties.get("VpcEndpointType", "Gateway"),
            RouteTableIds=properties.get("RouteTableIds", []),
        )
        return Made(found["VpcEndpoint"]["VpcEndpointId"])

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ec2").delete_vpc_endpoints(VpcEndpointIds=[made.id])


class FlowLog(Fixed):
    def create(self, context: Context, properties: Properties) -> Made:
        found = client("ec2").create_flow_logs(
            ResourceIds=[properties["ResourceId"]],
            ResourceType=properties["ResourceType"],
            TrafficType=properties["TrafficType"],
            LogDestinationType=properties["LogDestinationType"],
            LogGroupName=properties["LogGroupName"],
            DeliverLogsPermissionArn=properties["DeliverLogsPermissionArn"],
        )
        return Made(found["FlowLogIds"][0])

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ec2").delete_flow_logs(FlowLogIds=[made.id])


class SecurityGroup(Fixed):
    replaced_by = ("VpcId", "GroupDescription")

    def create(self, context: Context, properties: Properties) -> Made:
        found = client("ec2").create_security_group(
            GroupName=context.name(), Description=properties["GroupDescription"], VpcId=properties["VpcId"]
        )
        id = found["GroupId"]
        if "SecurityGroupEgress" in properties:  # replaces the rule that lets everything out
            everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
            client("ec2").revoke_security_group_egress(GroupId=id, IpPermissions=[everything])
        for rule in properties.get("SecurityGroupEgress", []):
            client("ec2").authorize_security_group_egress(GroupId=id, IpPermissions=[_permission(rule)])
        for rule in properties.get("SecurityGroupIngress", []):
            client("ec2").authorize_security_group_ingress(GroupId=id, IpPermissions=[_permission(rule)])
        return Made(id, {"GroupId": id, "VpcId": properties["VpcId"]})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ec2").delete_security_group(GroupId=made.id)


class Rule(ResourceType):
    """A rule between two security groups."""

    replaced_by = ("GroupId", "FromPort", "ToPort", "SourceSecurityGroupId", "DestinationSecurityGroupId")

    def __init__(self, direction: str) -> None:
        self._direction = direction  # ingress, egress

    def create(self, context: Context, properties: Properties) -> Made:
        self._call("authorize", properties)
        return Made(f"{properties['GroupId']}|{self._direction}|{properties.get('FromPort')}")

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        with suppress(ClientError):  # gone with its group
            self._call("revoke", properties)

    def _call(self, verb: str, properties: Properties) -> None:
        call = getattr(client("ec2"), f"{verb}_security_group_{self._direction}")
        call(GroupId=properties["GroupId"], IpPermissions=[_permission(properties)])


def _permission(rule: Properties) -> dict[str, Any]:
    made: dict[str, Any] = {"IpProtocol": rule["IpProtocol"]}
    if "FromPort" in rule:
        made |= {"FromPort": int(rule["FromPort"]), "ToPort": int(rule["ToPort"])}
    other = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    return made | ({"UserIdGroupPairs": [{"GroupId": other}]} if other else {"IpRanges": [{"CidrIp": rule["CidrIp"]}]})
