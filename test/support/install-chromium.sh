#!/usr/bin/env bash
# Installs the Chromium that tests look at pages with, where it is missing and this may be done (root on Debian or Ubuntu).
set -euo pipefail
if [ -n "${CHROMIUM:-}" ] || command -v chromium > /dev/null || command -v google-chrome > /dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo 'Chromium is missing, and only root can install it with apt: sudo apt-get install chromium' >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium
