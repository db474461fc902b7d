"""What CloudFormation calls during a deployment; runs on Lambda with the runtime's own boto3."""
