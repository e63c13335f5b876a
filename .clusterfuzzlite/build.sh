#!/bin/bash -eu
fuzz/build "$OUT"
