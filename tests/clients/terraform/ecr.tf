# What Terraform's AWS provider can say about ECR and ECR Public; test_terraform.py applies it, changes the variables,
# imports it again and destroys it.

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
    ecr       = var.endpoint
    ecrpublic = var.endpoint
    iam       = var.endpoint
    sts       = var.endpoint
  }
  default_tags { tags = { managed = "terraform" } }
}

data "aws_caller_identity" "me" {}

locals { account = data.aws_caller_identity.me.account_id }

resource "aws_ecr_repository" "app" {
  name                 = "team/app"
  image_tag_mutability = var.second ? "IMMUTABLE" : "MUTABLE"
  force_delete         = true
  image_scanning_configuration { scan_on_push = !var.second }
  tags = { team = var.team }
}

resource "aws_ecr_repository" "encrypted" {
  name = var.second ? "renamed" : "encrypted"
  encryption_configuration { encryption_type = "KMS" }
}

data "aws_iam_policy_document" "pull" {
  statement {
    sid     = "Pull"
    actions = var.second ? ["ecr:BatchGetImage"] : ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${local.account}:user/ci", "arn:aws:iam::444455556666:root"]
    }
  }
}

resource "aws_ecr_repository_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = data.aws_iam_policy_document.pull.json
}

data "aws_ecr_lifecycle_policy_document" "app" {
  rule {
    priority    = 1
    description = "old ones"
    selection {
      tag_status   = "untagged"
      count_type   = "sinceImagePushed"
      count_unit   = "days"
      count_number = var.second ? 7 : 14
    }
  }
  rule {
    priority = 2
    selection {
      tag_status       = "tagged"
      tag_pattern_list = ["*-dev"]
      count_type       = "imageCountMoreThan"
      count_number     = 3
    }
  }
}

resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = data.aws_ecr_lifecycle_policy_document.app.json
}

resource "aws_ecr_registry_policy" "here" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Replicate"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::444455556666:root" }
      Action    = var.second ? ["ecr:ReplicateImage"] : ["ecr:CreateRepository", "ecr:ReplicateImage"]
      Resource  = "arn:aws:ecr:us-east-1:${local.account}:repository/*"
    }]
  })
}

resource "aws_ecr_registry_scanning_configuration" "here" {
  scan_type = "BASIC"
  rule {
    scan_frequency = "SCAN_ON_PUSH"
    repository_filter {
      filter      = var.second ? "team/*" : "*"
      filter_type = "WILDCARD"
    }
  }
}

resource "aws_ecr_replication_configuration" "here" {
  replication_configuration {
    rule {
      destination {
        region      = var.second ? "eu-west-2" : "eu-west-1"
        registry_id = local.account
      }
      repository_filter {
        filter      = "prod/"
        filter_type = "PREFIX_MATCH"
      }
    }
  }
}

resource "aws_ecr_repository_creation_template" "team" {
  prefix               = "made"
  description          = var.second ? "made otherwise" : "made on push"
  applied_for          = ["PULL_THROUGH_CACHE", "REPLICATION"]
  image_tag_mutability = "IMMUTABLE"
  lifecycle_policy     = data.aws_ecr_lifecycle_policy_document.app.json
  repository_policy    = data.aws_iam_policy_document.pull.json
  encryption_configuration { encryption_type = "AES256" }
}

resource "aws_ecr_pull_through_cache_rule" "public" {
  ecr_repository_prefix = "ecr-public"
  upstream_registry_url = "public.ecr.aws"
}

resource "aws_ecr_pull_through_cache_rule" "hub" {
  ecr_repository_prefix = "docker-hub"
  upstream_registry_url = "registry-1.docker.io"
  credential_arn        = "arn:aws:secretsmanager:us-east-1:${local.account}:secret:ecr-pullthroughcache/${var.second ? "new" : "hub"}-AbCdEf"
}

resource "aws_ecr_account_setting" "scans" {
  name  = "BASIC_SCAN_TYPE_VERSION"
  value = "AWS_NATIVE"
}

resource "aws_ecrpublic_repository" "app" {
  repository_name = "app"
  force_destroy   = true
  catalog_data {
    about_text        = "About"
    architectures     = ["x86-64"]
    description       = var.second ? "another" : "one"
    operating_systems = ["Linux"]
    usage_text        = "docker run"
  }
  tags = { team = var.team }
}

resource "aws_ecrpublic_repository_policy" "app" {
  repository_name = aws_ecrpublic_repository.app.repository_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Push"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${local.account}:user/ci" }
      Action    = var.second ? ["ecr-public:PutImage"] : ["ecr-public:PutImage", "ecr-public:DescribeImages"]
    }]
  })
}

data "aws_ecr_repository" "app" { name = aws_ecr_repository.app.name }

data "aws_ecr_authorization_token" "me" {}

# There is an image only when the test has pushed one.
data "aws_ecr_image" "app" {
  count           = var.second ? 1 : 0
  repository_name = aws_ecr_repository.app.name
  image_tag       = "1"
}

data "aws_ecr_pull_through_cache_rule" "public" {
  ecr_repository_prefix = aws_ecr_pull_through_cache_rule.public.ecr_repository_prefix
}

data "aws_ecr_repository_creation_template" "team" { prefix = aws_ecr_repository_creation_template.team.prefix }

output "url" { value = data.aws_ecr_repository.app.repository_url }

output "user" { value = data.aws_ecr_authorization_token.me.user_name }

output "digest" { value = one(data.aws_ecr_image.app[*].image_digest) }
