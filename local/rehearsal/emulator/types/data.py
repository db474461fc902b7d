"""RDS, ElastiCache and Secrets Manager; the servers are real ones (local/rehearsal/emulator/servers.py)."""

import json
import secrets
import string
from typing import Any, Final

from local.rehearsal.emulator import registry
from local.rehearsal.emulator.types.base import Context, Made, Properties, ResourceType, arn, client
from local.rehearsal.emulator.types.network import Fixed

DATABASE_DOMAIN: Final = "c0rehearsal.eu-west-1.rds.amazonaws.com"
CACHE_DOMAIN: Final = "serverless.euw1.cache.amazonaws.com"


class Instance(ResourceType):
    """A PostgreSQL server: the primary, or with SourceDBInstanceIdentifier its replica."""

    replaced_by = ("DBInstanceIdentifier", "DBName", "SourceDBInstanceIdentifier")

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties["DBInstanceIdentifier"]
        port = int(properties.get("Port", 5432))
        replica = "SourceDBInstanceIdentifier" in properties
        made = registry.DatabaseInstance(
            identifier=name,
            host=f"{name}.{DATABASE_DOMAIN}",
            port=port,
            resource_id=f"db-{secrets.token_hex(13).upper()}",
            is_replica=replica,
            database=properties.get("DBName", ""),
            master=_resolved(properties.get("MasterUsername", "")),
            master_password=_resolved(properties.get("MasterUserPassword", "")),
            iam=properties.get("EnableIAMDatabaseAuthentication") in (True, "true"),
        )
        registry.account().databases[name] = made
        _put_in_rds(name, properties, replica)
        attributes = {
            "Endpoint.Address": made.host,
            "Endpoint.Port": str(port),
            "DbiResourceId": made.resource_id,
            "DBInstanceArn": arn("rds", f"db:{name}"),
        }
        return Made(name, attributes)

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        if properties.get("DeletionProtection") in (True, "true"):
            raise RuntimeError(f"Cannot delete protected DB Instance {made.id}")
        registry.account().databases.pop(made.id, None)
        client("rds").delete_db_instance(DBInstanceIdentifier=made.id, SkipFinalSnapshot=True)


def _put_in_rds(name: str, properties: Properties, replica: bool) -> None:
    """The instance as `aws rds` shows it."""
    if replica:
        source = properties["SourceDBInstanceIdentifier"].rpartition(":")[2]
        client("rds").create_db_instance_read_replica(DBInstanceIdentifier=name, SourceDBInstanceIdentifier=source)
        return
    client("rds").create_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass=properties["DBInstanceClass"],
        Engine="postgres",
        AllocatedStorage=int(properties["AllocatedStorage"]),
        MasterUsername=_resolved(properties["MasterUsername"]),
        MasterUserPassword=_resolved(properties["MasterUserPassword"]),
    )


def _resolved(value: str) -> str:
    """A dynamic reference to a secret, resolved."""
    if not value.startswith("{{resolve:secretsmanager:"):
        return value
    reference, _, rest = value.removeprefix("{{resolve:secretsmanager:").removesuffix("}}").partition(":SecretString:")
    found = client("secretsmanager").get_secret_value(SecretId=reference)["SecretString"]
    return str(json.loads(found)[rest.split(":")[0]])


class SubnetGroup(Fixed):
    def create(self, context: Context, properties: Properties) -> Made:
        name = (properties.get("DBSubnetGroupName") or context.name()).lower()
        client("rds").create_db_subnet_group(
            DBSubnetGroupName=name,
            DBSubnetGroupDescription=properties["DBSubnetGroupDescription"],
            SubnetIds=properties["SubnetIds"],
        )
        return Made(name)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("rds").delete_db_subnet_group(DBSubnetGroupName=made.id)


class ServerlessCache(ResourceType):
    replaced_by = ("ServerlessCacheName",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties["ServerlessCacheName"]
        host = f"{name}-rehearsal.{CACHE_DOMAIN}"
        registry.account().caches[name] = registry.Cache(name, host, 6379, properties["UserGroupId"])
        attributes = {
            "Endpoint.Address": host,
            "Endpoint.Port": "6379",
            "ARN": arn("elasticache", f"serverlesscache:{name}"),
        }
        return Made(name, attributes)

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        registry.account().caches.pop(made.id, None)


class CacheUser(ResourceType):
    replaced_by = ("UserId", "UserName")

    def create(self, context: Context, properties: Properties) -> Made:
        id = properties["UserId"]
        iam = properties.get("AuthenticationMode", {}).get("Type") == "iam"
        user = registry.CacheUser(id, properties["UserName"], properties["AccessString"], iam)
        registry.account().cache_users[id] = user
        return Made(id, {"Arn": arn("elasticache", f"user:{id}")})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        registry.account().cache_users.pop(made.id, None)


class Secret(ResourceType):
    replaced_by = ("Name",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("Name") or context.name()
        value: dict[str, Any] = {}
        if "SecretString" in properties:
            value = {"SecretString": properties["SecretString"]}
        elif "GenerateSecretString" in properties:
            value = {"SecretString": _generate(properties["GenerateSecretString"])}
        found = client("secretsmanager").create_secret(
            Name=name, Description=properties.get("Description", ""), **value
        )["ARN"]
        return Made(found, {"Id": found})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made  # a description: a value is not generated anew

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("secretsmanager").delete_secret(SecretId=made.id, ForceDeleteWithoutRecovery=True)


def _generate(wish: Properties) -> str:
    excluded = wish.get("ExcludeCharacters", "")
    letters = [letter for letter in string.ascii_letters + string.digits if letter not in excluded]
    value = "".join(secrets.choice(letters) for _ in range(int(wish.get("PasswordLength", 32))))
    if "GenerateStringKey" not in wish:
        return value
    return json.dumps(json.loads(wish["SecretStringTemplate"]) | {wish["GenerateStringKey"]: value})


class SecretAttachment(ResourceType):
    """Writes the address of a database into its secret."""

    def create(self, context: Context, properties: Properties) -> Made:
        secret, database = properties["SecretId"], registry.account().databases[properties["TargetId"]]
        value = json.loads(client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        address = {"engine": "postgres", "host": database.host, "port": database.port, "dbname": database.database}
        client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(value | address))
        return Made(secret)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        """The secret keeps the address."""
