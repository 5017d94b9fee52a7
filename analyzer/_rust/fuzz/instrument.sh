#!/bin/sh
# cargo's RUSTC_WRAPPER: counts branches and watches comparisons in sip-core and in the targets, which hold what is
# generic in it. Dependencies are left as they are: less to build, and the fuzzer is led by our code alone.
case $CARGO_PKG_NAME in
sip-core | sip-core-fuzz)
    exec "$@" -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
*) exec "$@" ;;
esac
