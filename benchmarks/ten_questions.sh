#!/bin/sh
# Types the ten questions of a user, each one command, and prints the first screen of each (24 lines of 80 columns), to be
# read by eye: does the screen answer the question?  usage: benchmarks/ten_questions.sh [SIP-ANALYZER [PYTHON]]
# The ninth compares two simulated captures of 60 calls, the second with a P-CSCF out of resources.
sip=${1:-sip-analyzer}
python=${2:-python3}
samples=$(dirname "$0")/../sample_pcaps
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ask() {
    echo "== $1"
    echo "\$ $2"
    script -qec "stty cols 80 rows 24; $sip ${2#sip-analyzer }" /dev/null 2>&1 | head -n 24
    echo
}
simulated() {
    $python -m analyzer.simulator "$work/$1" --calls 60 --seed "$2" --mix "$3" --no-keep-messages >/dev/null
}
simulated before 1 answered=9,busy=1
simulated after 2 answered=5,no_resources=4,busy=1
ask "1 is there SIP, and if not, why not?" "sip-analyzer summary $samples/ipsec_encrypted.pcap"
ask "2 what happened here, on one screen?" "sip-analyzer summary $samples/volte_failures.pcap"
ask "3 why did this call fail, and which node said no?" "sip-analyzer call 2 $samples/volte_failures.pcap"
ask "4 which messages on which nodes belong to this call?" "sip-analyzer ladder 2 $samples/volte_failures.pcap"
ask "5 where did the set-up time go?" "sip-analyzer setup-shares --by role,node $samples/volte_call.pcap"
ask "6 did this subscriber register, with whom, until when?" "sip-analyzer registration 1 $samples/ims_core.pcap"
ask "7 what media was agreed, who held whom?" "sip-analyzer call 1 $samples/hold_resume.pcap"
ask "8 which failures hurt most, and since when?" "sip-analyzer failures --by status,node $samples/volte_failures.pcap"
ask "9 is it worse than before?" "sip-analyzer compare $work/before/all.pcap $work/after/all.pcap"
ask "10 give me this call as a file that I may mail" "sip-analyzer call 2 $samples/volte_failures.pcap --mask -o $work/call.html"
