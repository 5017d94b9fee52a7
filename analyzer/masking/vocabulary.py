"""What is public: words of the standards, which name nobody. Whatever is not here is masked."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Labels of hosts: 3GPP TS 23.003 §13 and §28 (operator realms; who the operator is stays visible), and top-level
# domains that name no one.
_HOST = _words(
    """
        3gppnetwork ims epc 5gc sos pub gprs visited-network org com net edu gov mil int arpa info biz local
        localdomain localhost lan internal invalid example test anonymous unknown unavailable home corp
    """
)
# Functions of 3GPP TS 23.002 and common boxes, with the number that tells one from its neighbour.
_ROLE = re.compile(
    r"(?:[psie]?-?cscf|[ie]bcf|ibgw|bgcf|mgcf|mgw|mrf[cp]?|atcf|atgw|tas|mmtel|scc-?as|as|hss|slf|pcrf|pcf|lrf|eatf"
    r"|ip-?sm-?gw|smsc|sbc|a-?sbc|i-?sbc|ocs|cdf|ccf|ecf|enum|dns|sips?|proxy|registrar|voip|pbx|gw|gateway|conf)"
    r"[0-9]{0,3}",
    re.IGNORECASE,
)
_NETWORK_CODE = re.compile(r"m[nc]c[0-9]{2,3}", re.IGNORECASE)


def is_public_label(label: str, *, last: bool) -> bool:
    """Whether a label of a host name names a role, an operator (MCC, MNC) or a top-level domain."""
    small = label.lower()
    return bool(
        small in _HOST
        or _NETWORK_CODE.fullmatch(label)
        or _ROLE.fullmatch(label)
        # Country code domains (RFC 1591).
        or (last and re.fullmatch("[a-z]{2}", small))
    )


#: Users that are nobody: RFC 3323 §4.1.1.3, TS 23.003 §13.7, and the session case in routes of an S-CSCF.
USERS = _words("anonymous unavailable unknown restricted orig term mo mt")

#: URI schemes; what stands behind others is masked word by word.
SIP_SCHEMES = _words("sip sips pres im mailto xmpp")
AUTHORITY_SCHEMES = _words("http https msrp msrps ws wss aaa aaas ldap rtsp rtsps ftp soap.beep")

#: Every scheme of which the parts are known.
SCHEMES = SIP_SCHEMES | AUTHORITY_SCHEMES | _words("tel urn geo cid mid")

#: Feature tags (RFC 3840, TS 24.229 §7.9): what a terminal can do, by the name of its vendor or body.
FEATURE = re.compile(r"\+(?:g|sip)\.[\w.-]+")

# URN namespaces that name services and features, not devices or persons (RFC 5031, 7462; TS 24.229 §7.2A).
PUBLIC_URN = re.compile(
    r"(?:service|urn-[0-9]+|urn-xxx|3gpp|alert|ietf|oma|emergency|xmpp|schemas|oasis|eu\.[a-z.]*)(?::|$)", re.IGNORECASE
)
URN_WORDS = _words("gsma imei imeisv uuid nena epc svn vers")

#: Values of parameters, states of XML documents, words of free-standing flags.
VALUES = _words(
    """
    mmtel
    true false yes no on off none null unknown ok full partial low normal high all any both default enabled disabled
    udp tcp tls sctp ws wss tls-sctp sip sips tel phone ip user dialog sigcomp invite ack bye cancel options register
    subscribe notify refer message info prack update publish active pending terminated init trying proceeding early
    confirmed deactivated probation rejected timeout giveup noresource invariant expired unregistered registered
    created refreshed shortened migrated deleted unpublished open closed busy away on-the-phone idle offline online
    initiator recipient full-state caller callee calling called uac uas refresher lr ob gr isfocus audio video text
    application data image control duplex events methods schemes mobility fixed mobile actor principal automata
    msg-taker attendant class personal business priority sendrecv sendonly recvonly inactive supported gated send recv
    local remote e2e mandatory optional failure calling-party called-party party id header session critical history
    no-answer unconditional user-busy unavailable deflection time-of-day do-not-disturb follow-me out-of-service
    unreachable md5 md5-sess sha-256 sha-256-sess sha-512-256 akav1-md5 akav2-md5 auth auth-int digest basic bearer
    ntlm negotiate kerberos hmac-md5-96 hmac-sha-1-96 aes-cbc aes-gcm des-ede3-cbc ipsec-3gpp esp ah trans
    3gpp-e-utran-fdd 3gpp-e-utran-tdd 3gpp-e-utran 3gpp-utran-fdd 3gpp-utran-tdd 3gpp-geran 3gpp-nr 3gpp-nr-fdd
    3gpp-nr-tdd 3gpp-nr-sat ieee-802.11 ieee-802.11a ieee-802.11b ieee-802.11g ieee-802.11n ieee-802.11ac ieee-802.3
    adsl vdsl docsis dvb-rcs2 gstn network-provided messages-waiting message-account voice-message fax-message
    multimedia-message text-message emergency restoration emergency-registration initial-registration anonymous
    tn-validation-passed tn-validation-failed no-tn-validation ordinary payphone icon card loss rate auth-done
    ip-assoc-yes ip-assoc-pending tls-yes tls-pending shaken div rph es256 orig orig-cdiv reg unreg early-session render
    alert 2.0 1.0
    """
)

#: Words of reason phrases, of Reason and Warning texts, and of session names: RFC 3261 §21 and its extensions, Q.850,
#: and what stacks say in these words.
PHRASE = _words(
    """
    trying ringing call is being forwarded queued session progress early dialog terminated ok accepted no notification
    multiple choices moved permanently temporarily use proxy alternative service services bad request unauthorized
    payment required forbidden not found method allowed acceptable authentication timeout time out timed gone
    conditional failed entity too large uri long unsupported media type scheme unknown resource priority extension
    interval small brief location information alert message identity header provide referrer flow anonymity disallowed
    invalid credential credentials certificate info first hop lacks outbound support max breadth exceeded package
    consent needed unavailable transaction does exist loop detected many hops address incomplete ambiguous busy here
    event pending undecipherable security agreement server internal error implemented gateway version supported push
    precondition failure everywhere decline declined anywhere unwanted rejected reject a an the of to in on at by for
    from with without and or but was were has have had been be are this that it its than then after before while
    during because due only also already still yet any all other another same new old more less unallocated unassigned
    number route transit network destination send special tone misdialled trunk prefix channel awarded delivered
    established preemption circuit reserved reuse normal clearing user users responding response answer answered
    alerted subscriber absent changed redirection exchange routing non selected order digit digits facility status
    enquiry unspecified permanent frame mode connection operational temporary switching equipment congestion access
    discarded requested available quality subscribed barred barring outgoing incoming within cug bearer capability
    authorized presently option mandatory content contents element elements existent compatible state recovery timer
    expiry parameter protocol interworking class value restricted completed elsewhere cancelled canceled cancel hung
    up hangup release released ended end terminate local remote cause code reason sip q 850 isup pstn ims lte rtp rtcp
    sdp dtmf srtp tls udp tcp ipv4 ipv6 invite ack bye register options subscribe notify refer prack update publish
    missing malformed unable cannot could can may must should process processing handle handled find lookup success
    successful successfully lost loss received receive sending sent relay relayed forward forwarding blocked block
    policy rule rules limit limits reached license maximum minimum concurrent calls sessions channels overload
    overloaded throttled retry again later domain realm host target peer upstream downstream next entries try dns
    registration registered expired expires contact bindings binding match matching wrong password username account
    suspended disabled inactive credit insufficient balance funds quota permission denied digest stale nonce challenge
    auth codec codecs offer port ports attribute description accept stream streams sendonly recvonly hold held resume
    transfer transferred replaced replaces pickup picked merged merge join joined conference radio coverage handover
    hard srvcc ecn qos resources allocation indication signalling pcrf default phone voice audio video fax test demo
    performance talk name s asterisk freeswitch result results mailbox challenging ue
    """
)

#: SDP attributes (RFC 8866 and its extensions) whose values are formats, numbers and switches.
SDP_PUBLIC = _words(
    """
    rtpmap fmtp ptime maxptime sendrecv sendonly recvonly inactive curr des conf mid group setup connection rtcp-mux
    rtcp-mux-only rtcp-rsize rtcp-fb rtcp-xr extmap extmap-allow-mixed bundle-only ice-lite ice-options ice2
    end-of-candidates silencesupp framerate framesize imageattr label content quality orient type charset sdplang lang
    accept-types accept-wrapped-types max-size file-disposition tcap pcfg acfg acap creq csup 3ge2ae sendencryption
    record t38faxversion t38maxbitrate t38faxfillbitremoval t38faxtranscodingmmr t38faxtranscodingjbig
    t38faxratemanagement t38faxmaxbuffer t38faxmaxdatagram t38faxudpec t38vendorinfo nortpproxy direction msi bw-info
    ecn-capable-rtp floorctrl confid floorid rs rr sctp-port max-message-size sctpmap
    """
)

#: SDP attributes that say where: addresses between words of the grammar.
SDP_PLACES = _words("candidate remote-candidates rtcp alt source-filter altc ccap maptel connection-address")
SDP_WORDS = _words(
    """
    in ip4 ip6 udp tcp tls typ host srflx prflx relay raddr rport generation network-id network-cost ufrag tcptype
    active passive so ssltcp incl excl
    """
)

#: XML attributes that are numbers, and those that are keys of a telephone (RFC 4730).
XML_NUMBERS = _words("version expires duration-registered retry-after cseq q priority revision minsize maxsize")
XML_DIGITS = _words("digits dtmf tone")
