"""How operators hear of trouble, and see how the assistant does."""

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.alarms import Alarms, Watched
from infra.constructs.dashboard import Dashboard
from infra.settings import Settings
from infra.stacks.bot import BotStack
from infra.stacks.data import DataStack


class MonitoringStack(Stack):
    """Alarms to one topic, by e-mail if the settings name an address; one dashboard."""

    def __init__(self, scope: Construct, id: str, settings: Settings, data: DataStack, bot: BotStack) -> None:
        super().__init__(scope, id, description="School assistant: alarms and dashboard")
        topic = sns.Topic(self, "Topic", topic_name=settings.name("alarms"), master_key=data.key, enforce_ssl=True)
        # A policy of its own (that of enforce_ssl) takes the place of the default one, which lets alarms publish.
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
        watched = Watched(bot.queues, bot.machines, bot.pipes, bot.front_door, bot.functions, data.database)
        self.alarms = Alarms(self, "Alarms", settings, watched, topic)
        self.dashboard = Dashboard(self, "Dashboard", settings, watched, self.alarms)
        CfnOutput(self, "AlarmTopic", value=topic.topic_arn)
