"""How operators hear of problems, and see how the assistant does."""

from collections.abc import Sequence

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.alarms import Alarms
from infra.constructs.bot_function import BotFunction
from infra.constructs.cache import Cache
from infra.constructs.dashboard import Dashboard
from infra.constructs.database import Database
from infra.constructs.http_api import HttpApi
from infra.constructs.queues import QueueWithDeadLetters
from infra.constructs.state_machine import StateMachine
from infra.settings import Settings


class MonitoringStack(Stack):
    """Alarms to one topic, by e-mail if the settings name an address; one dashboard.

    What is watched is found by name, not by exports of other stacks: those could then not remove it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        *,
        queues: Sequence[QueueWithDeadLetters],
        machines: Sequence[StateMachine],
        functions: Sequence[BotFunction],
        api: HttpApi,
        database: Database,
        cache: Cache,
        key: kms.IKey,
    ) -> None:
        description = "School assistant: alarms and dashboard"
        super().__init__(scope, id, description=description, termination_protection=settings.protected)
        topic = self._topic(settings, key)
        alarms = Alarms(self, "Alarms", settings, topic)
        for queue in queues:
            alarms.add_queue(queue)
        for machine in machines:
            alarms.add_machine(machine)
        alarms.add_api(api)
        alarms.add_functions()
        alarms.add_database(database)
        alarms.add_cache(cache)
        alarms.add_own_metrics()
        Dashboard(
            self,
            "Dashboard",
            settings,
            alarms=alarms.alarms,
            machines=machines,
            queues=queues,
            functions=functions,
            api=api,
            database=database,
            cache=cache,
        )

    def _topic(self, settings: Settings, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(self, "Topic", topic_name=settings.name("alarms"), master_key=key, enforce_ssl=True)
        # The topic policy of enforce_ssl replaces the default one, which lets alarms publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
            acknowledge(topic, {"Serverless-SNSRedrivePolicy": "E-mail; the alarm itself stays visible in CloudWatch."})
        CfnOutput(self, "AlarmTopic", value=topic.topic_arn)
        return topic
