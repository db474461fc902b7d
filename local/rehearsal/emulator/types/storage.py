"""S3, ECR, SSM, KMS and CloudWatch Logs."""

import json
from contextlib import suppress

from botocore.exceptions import ClientError

from local.plan import ACCOUNT, REGION
from local.rehearsal.emulator.types.base import Context, Made, Properties, ResourceType, arn, client


class Bucket(ResourceType):
    replaced_by = ("BucketName",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("BucketName") or context.name(63).lower()
        client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if rules := properties.get("LifecycleConfiguration", {}).get("Rules"):
            client("s3").put_bucket_lifecycle_configuration(
                Bucket=name, LifecycleConfiguration={"Rules": [_rule(rule) for rule in rules]}
            )
        return self._made(name)

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("s3").delete_bucket(Bucket=made.id)

    def _made(self, name: str) -> Made:
        domain = f"{name}.s3.{REGION}.amazonaws.com"
        attributes = {"Arn": f"arn:aws:s3:::{name}", "DomainName": f"{name}.s3.amazonaws.com"}
        return Made(name, attributes | {"RegionalDomainName": domain})


def _rule(rule: Properties) -> dict[str, object]:
    made: dict[str, object] = {"ID": rule.get("Id", ""), "Status": rule["Status"]}
    made["Filter"] = {"Prefix": rule.get("Prefix", "")}
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]
        made["AbortIncompleteMultipartUpload"] = {key: int(value) for key, value in days.items()}
    if "NoncurrentVersionExpiration" in rule:
        days = rule["NoncurrentVersionExpiration"]
        made["NoncurrentVersionExpiration"] = {key: int(value) for key, value in days.items()}
    return made


class Repository(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        name = properties["RepositoryName"]
        client("ecr").create_repository(repositoryName=name)
        return Made(name, {"Arn": arn("ecr", f"repository/{name}")})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ecr").delete_repository(repositoryName=made.id, force=True)


class Parameter(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("Name") or context.name()
        value = str(properties["Value"])
        client("ssm").put_parameter(Name=name, Value=value, Type=properties.get("Type", "String"), Overwrite=True)
        return Made(name, {"Value": value, "Type": properties.get("Type", "String")})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("ssm").delete_parameter(Name=made.id)


class Key(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        policy = json.dumps(properties["KeyPolicy"])
        found = client("kms").create_key(Policy=policy, Description=properties.get("Description", ""))["KeyMetadata"]
        return Made(found["KeyId"], {"Arn": found["Arn"], "KeyId": found["KeyId"]})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("kms").schedule_key_deletion(KeyId=made.id, PendingWindowInDays=7)


class KeyAlias(ResourceType):
    replaced_by = ("AliasName",)

    def create(self, context: Context, properties: Properties) -> Made:
        key = properties["TargetKeyId"].rpartition("/")[2]
        client("kms").create_alias(AliasName=properties["AliasName"], TargetKeyId=key)
        return Made(properties["AliasName"])

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("kms").delete_alias(AliasName=made.id)


class LogGroup(ResourceType):
    replaced_by = ("LogGroupName",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("LogGroupName") or context.name()
        client("logs").create_log_group(logGroupName=name)
        return self._retained(name, properties)

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return self._retained(made.id, properties)

    def _retained(self, name: str, properties: Properties) -> Made:
        if days := properties.get("RetentionInDays"):
            client("logs").put_retention_policy(logGroupName=name, retentionInDays=int(days))
        return Made(name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        with suppress(ClientError):
            client("logs").delete_log_group(logGroupName=made.id)
