"""IAM's roles and policies."""

import json

from local.plan import ACCOUNT
from local.rehearsal.emulator.types.base import Context, Made, Properties, ResourceType, client


class Role(ResourceType):
    replaced_by = ("RoleName",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("RoleName") or context.name(64)
        trust = json.dumps(properties["AssumeRolePolicyDocument"])
        found = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        self._put(name, properties)
        return Made(name, {"Arn": found["Arn"], "RoleId": found["RoleId"]})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        trust = json.dumps(properties["AssumeRolePolicyDocument"])
        client("iam").update_assume_role_policy(RoleName=made.id, PolicyDocument=trust)
        for policy in before.get("Policies", []):
            client("iam").delete_role_policy(RoleName=made.id, PolicyName=policy["PolicyName"])
        self._put(made.id, properties)
        return made

    def _put(self, name: str, properties: Properties) -> None:
        for policy in properties.get("Policies", []):
            document = json.dumps(policy["PolicyDocument"])
            client("iam").put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        for policy in client("iam").list_role_policies(RoleName=made.id)["PolicyNames"]:
            client("iam").delete_role_policy(RoleName=made.id, PolicyName=policy)
        client("iam").delete_role(RoleName=made.id)


class Policy(ResourceType):
    """An inline policy of some roles."""

    replaced_by = ("PolicyName",)

    def create(self, context: Context, properties: Properties) -> Made:
        document = json.dumps(properties["PolicyDocument"])
        for role in properties.get("Roles", []):
            client("iam").put_role_policy(RoleName=role, PolicyName=properties["PolicyName"], PolicyDocument=document)
        return Made(context.logical_id, {"Id": context.logical_id})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        for role in properties.get("Roles", []):
            client("iam").delete_role_policy(RoleName=role, PolicyName=properties["PolicyName"])


class ManagedPolicy(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("ManagedPolicyName") or context.name(128)
        document = json.dumps(properties["PolicyDocument"])
        client("iam").create_policy(PolicyName=name, PolicyDocument=document)
        return Made(f"arn:aws:iam::{ACCOUNT}:policy/{name}")

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("iam").delete_policy(PolicyArn=made.id)
