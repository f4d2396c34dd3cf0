#!/bin/sh
# What compare.py measures beside ours, and the compiler for QEMU's guest; Debian and its relatives, as root.
set -e
apt-get update -qq
apt-get install -y -qq --no-install-recommends qemu-system-x86 gcc libc6-dev python3
