# --- on AWS: docs/operations.md --------------------------------------------------------------------------------------

ENV ?= dev
CDK := $(BIN)/python -m infra.cli
# Made of the lock file's content, like the others; what the tests need holds all of it.
deploy_stamp := $(VENV)/.installed-deploy-$(firstword $(shell cksum requirements.txt))

$(deploy_stamp): requirements.txt
	$(venv)
	$(call install,requirements.txt)
	@rm -f $(VENV)/.installed-deploy-* && touch $@

.PHONY: synth
synth: $(deploy_stamp) ## write the CloudFormation templates into cdk.out/ (ENV=dev or prod, as cdk.json has them)
	@$(CDK) synth --quiet -c env=$(ENV) $(ARGS)

.PHONY: diff
diff: $(deploy_stamp) ## what a deployment would change on AWS (ENV=dev)
	@$(CDK) diff -c env=$(ENV) $(ARGS)

.PHONY: bootstrap
bootstrap: $(deploy_stamp) ## prepare an AWS account and region for deployments, once
	@$(CDK) bootstrap -c env=$(ENV) $(ARGS)

.PHONY: deploy
deploy: $(deploy_stamp) ## put the product on AWS (ENV=dev)
	@$(CDK) synth --quiet -c env=$(ENV)
	@$(BIN)/python -m infra.preflight $(ENV)
	@$(CDK) deploy --all --app cdk.out $(ARGS)

.PHONY: rehearse
rehearse: $(call stamp,dev) ## deploy into an emulated AWS account, and look at what answers there (ENV=dev)
	@$(BIN)/python -m local.rehearsal --env $(ENV) $(ARGS)

.PHONY: doctor
doctor: $(call stamp,local) ## look at an environment on AWS: what is well, and what to do about the rest (ENV=dev)
	@$(BIN)/python -m infra.operations doctor --env $(ENV) $(ARGS)

# Without ENV on the command line: the stack of `make run`.
.PHONY: trace
trace: $(call stamp,local) ## what happened to one message: ID=wamid.… (ENV=dev; without it in `make run`)
	@$(BIN)/python -m infra.operations trace "$(ID)" --env $(if $(filter command environment,$(firstword $(origin ENV))),$(ENV),local) $(ARGS)

.PHONY: rollback
rollback: $(deploy_stamp) ## take a release back: cancels a deployment, or deploys the release TO=… (ENV=dev)
	@$(BIN)/python -m infra.rollback $(ENV) $(TO)

.PHONY: costs
costs: ## write docs/costs.md: what AWS costs in a month, item by item
	@$(PYTHON) -m infra.costs

.PHONY: certificates
certificates: $(deploy_stamp) ## fetch the certificates of RDS anew (ARGS=global-bundle.pem: from AWS's own bundle)
	@$(BIN)/python -m infra.certificates $(ARGS)

.PHONY: graph
graph: $(call stamp,dev) ## publish the GraphQL gateway's schema as docs/school.graphql, if Apollo's own library composes it
	@$(BIN)/python -m infra.graph_schema
