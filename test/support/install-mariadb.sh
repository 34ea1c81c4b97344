#!/usr/bin/env bash
# Installs the MariaDB server that tests start for themselves, where it is missing and this may be done (root on Debian or
# Ubuntu). The service that the package brings is not needed and not started.
set -euo pipefail
if command -v mariadbd > /dev/null || [ -x /usr/sbin/mariadbd ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
  echo 'MariaDB is missing, and only root can install it with apt: sudo apt-get install mariadb-server' >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends mariadb-server openssl
