# Everything that Terraform's AWS provider can say about IAM and the lab has; test_terraform.py applies it, changes the
# variables, applies it again and destroys it.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" { type = string }

variable "team" {
  type    = string
  default = "blue"
}

variable "second" {
  type    = bool
  default = false
}

provider "aws" {
  region                  = "us-east-1"
  skip_metadata_api_check = true
  endpoints {
    iam = var.endpoint
    sts = var.endpoint
  }
  default_tags { tags = { managed = "terraform" } }
}

data "aws_caller_identity" "me" {}

data "aws_iam_policy" "pull" { name = "AmazonEC2ContainerRegistryPullOnly" }

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["secret-42"]
    }
  }
}

data "aws_iam_policy_document" "push" {
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    sid       = "Push"
    actions   = var.second ? ["ecr:PutImage"] : ["ecr:PutImage", "ecr:InitiateLayerUpload"]
    resources = ["arn:aws:ecr:us-east-1:${data.aws_caller_identity.me.account_id}:repository/my-web-app"]
  }
}

resource "aws_iam_policy" "push" {
  name        = "push"
  path        = "/teams/"
  description = "pushes"
  policy      = data.aws_iam_policy_document.push.json
}

resource "aws_iam_policy" "edge" {
  name_prefix = "edge-"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "ecr:*", Resource = "*" }]
  })
}

resource "aws_iam_group" "devs" {
  name = "devs"
  path = "/teams/"
}

resource "aws_iam_group" "more" {
  name = var.second ? "others" : "more"
  path = var.second ? "/x/" : "/"
}

resource "aws_iam_group_policy" "devs" {
  name   = "inline"
  group  = aws_iam_group.devs.name
  policy = data.aws_iam_policy_document.push.json
}

resource "aws_iam_group_policy_attachment" "devs" {
  group      = aws_iam_group.devs.name
  policy_arn = data.aws_iam_policy.pull.arn
}

resource "aws_iam_user" "ann" {
  name                 = "ann"
  path                 = "/people/"
  permissions_boundary = var.second ? null : aws_iam_policy.edge.arn
  force_destroy        = true
  tags                 = { team = var.team }
}

resource "aws_iam_user" "bob" {
  name = var.second ? "robert" : "bob"
  path = var.second ? "/r/" : "/"
}

resource "aws_iam_user_policy" "ann" {
  name   = "own"
  user   = aws_iam_user.ann.name
  policy = data.aws_iam_policy_document.push.json
}

resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = aws_iam_policy.push.arn
}

resource "aws_iam_user_group_membership" "ann" {
  user   = aws_iam_user.ann.name
  groups = [aws_iam_group.devs.name]
}

resource "aws_iam_group_membership" "more" {
  name  = "more"
  users = [aws_iam_user.bob.name]
  group = aws_iam_group.more.name
}

resource "aws_iam_access_key" "ann" {
  user   = aws_iam_user.ann.name
  status = var.second ? "Active" : "Inactive"
}

resource "aws_iam_role" "deploy" {
  name                  = "deploy"
  path                  = "/ci/"
  description           = var.second ? "deploys a lot" : "deploys"
  max_session_duration  = var.second ? 3600 : 7200
  permissions_boundary  = aws_iam_policy.edge.arn
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  force_detach_policies = true
  tags                  = { team = var.team }
}

resource "aws_iam_role" "task" {
  name_prefix = "task-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  name   = "inline"
  role   = aws_iam_role.deploy.id
  policy = data.aws_iam_policy_document.push.json
}

resource "aws_iam_role_policy_attachment" "deploy" {
  role       = aws_iam_role.deploy.name
  policy_arn = aws_iam_policy.push.arn
}

resource "aws_iam_role_policies_exclusive" "deploy" {
  role_name    = aws_iam_role.deploy.name
  policy_names = [aws_iam_role_policy.deploy.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "deploy" {
  role_name   = aws_iam_role.deploy.name
  policy_arns = [aws_iam_role_policy_attachment.deploy.policy_arn]
}

resource "aws_iam_policy_attachment" "many" {
  name       = "many"
  users      = [aws_iam_user.bob.name]
  roles      = [aws_iam_role.task.name]
  groups     = [aws_iam_group.more.name]
  policy_arn = aws_iam_policy.edge.arn
}

data "aws_iam_principal_policy_simulation" "ann" {
  action_names      = ["ecr:PutImage"]
  policy_source_arn = aws_iam_user.ann.arn
  resource_arns     = ["arn:aws:ecr:us-east-1:${data.aws_caller_identity.me.account_id}:repository/my-web-app"]
  depends_on        = [aws_iam_user_policy.ann]
}

data "aws_iam_role" "deploy" { name = aws_iam_role.deploy.name }

data "aws_iam_user" "ann" { user_name = aws_iam_user.ann.name }

data "aws_iam_access_keys" "ann" {
  user       = aws_iam_user.ann.name
  depends_on = [aws_iam_access_key.ann]
}

output "ann_may_push" { value = data.aws_iam_principal_policy_simulation.ann.all_allowed }
