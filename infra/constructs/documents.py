"""The bucket of gate passes and of webhook bodies kept for inspection: private, TLS only, with expiry."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.settings import Settings


class Documents(Construct):
    """`passes/<pass number>.pdf` for about a term, `inspection/<date>/<sha256>.json` for some days."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id)
        # Grants are written by this name: the template shows what they allow, and the stack needs no export.
        self.name = f"{settings.name('documents')}-{Aws.ACCOUNT_ID}-{Aws.REGION}"
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=self.name,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            encryption=s3.BucketEncryption.S3_MANAGED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(id="passes", prefix="passes/", expiration=Duration.days(settings.pass_days)),
                s3.LifecycleRule(
                    id="inspection", prefix="inspection/", expiration=Duration.days(settings.inspection_days)
                ),
                s3.LifecycleRule(id="unfinished", abort_incomplete_multipart_upload_after=Duration.days(1)),
            ],
        )
        acknowledge(
            self.bucket,
            {
                "AwsSolutions-S1": "Three functions reach it, each look at a pass is recorded in the database, and a "
                "log bucket would keep the names of passes for longer than the passes themselves."
            },
        )

    def arn_of(self, objects: str) -> str:
        """The ARN of some of its objects, for a grant."""
        return f"arn:{Aws.PARTITION}:s3:::{self.name}/{objects}"
