"""By which rule of :class:`~analyzer.masking.values.Values` each part of a header field is masked."""

from __future__ import annotations

# Public as they are: numbers, tokens of registries, switches.
KEPT = "kept"
PARAMETERS: dict[str, str] = {
    name: rule
    for rule, names in {
        KEPT: """
            transport user method ttl lr rport expires q cause index privacy party screen counter limit refresher alg
            ealg prot mod spi-c spi-s port-c port-s algorithm qop nc stale integrity-protected duration version ob
            reg-id early-only handling charset level purpose encoding content sescase regstate orig comp keep oc
            oc-algo oc-validity oc-seq cpc oli verstat npdi ppt action actor mobility class duplex extensions events
            schemes type retry-after delay seq n schema local-time-zone daylight-saving-time cell-info-age np
            reasoncode order protocol language profile network-provided audio video text application isfocus automata
        """,
        "host": """
            maddr received realm ccf ecf phone-context trunk-context orig-ioi term-ioi transit-ioi icid-generated-at
            host tokenized-by
        """,
        "identifier": """
            tag branch to-tag from-tag local-tag remote-tag icid-value related-icid nonce opaque call-id sigcomp-id
            boundary start cid ftag did
        """,
        "secret": "response cnonce auts ik ck nextnonce rspauth gssapi-data password passwd pwd key token",
        "uri": "uri pub-gruu temp-gruu +sip.instance gr info inserted-by targetname",
        "user": "username rn isub tgrp",
        "phrase": "text description",
        "cell": """
            utran-cell-id-3gpp cgi-3gpp ci-3gpp2 ci-3gpp2-femto i-wlan-node-id nrcell-id ue-local-ip-address
            utran-sai-3gpp dsl-location eth-location fiber-location gstn-location dvb-rcs2-node-id
            operator-specific-gi
        """,
    }.items()
    for name in names.split()
}

# How those words of a header field are masked that stand outside quotes, <> and parameters, and what parameters of
# unknown names are.
HEADERS: dict[str, tuple[str, str]] = {
    name: (words, unknown)
    for (words, unknown), names in {
        ("free", "strict"): """
            from to contact subject organization reply-to p-asserted-identity p-preferred-identity p-associated-uri
            p-called-party-id p-served-user remote-party-id diversion history-info referred-by refer-to route
            record-route path service-route call-info alert-info error-info geolocation p-charge-info p-profile-key
        """,
        # Numbers, tokens and times of the protocol; what has the form of an identity is masked even there.
        ("gentle", "gentle"): """
            allow allow-events supported require proxy-require unsupported accept accept-encoding accept-language
            content-type content-encoding content-disposition content-language mime-version event privacy
            p-early-media subscription-state security-client security-server security-verify accept-contact
            reject-contact request-disposition feature-caps recv-info info-package refer-sub answer-mode
            priv-answer-mode priority resource-priority accept-resource-priority p-asserted-service
            p-preferred-service session-expires suppress-if-match c-params flow-timer target-supported
        """,
        ("number", "gentle"): """
            cseq max-forwards content-length expires min-expires rseq rack min-se date timestamp max-breadth
            retry-after
        """,
        ("session", "strict"): "session-id",
        ("gentle", "phrase"): "reason",
        ("warning", "strict"): "warning",
        ("via", "strict"): "via",
        ("scheme", "strict"): """
            www-authenticate authorization proxy-authenticate proxy-authorization authentication-info
            proxy-authentication-info
        """,
        ("identifier", "identifier"): """
            call-id in-reply-to replaces target-dialog join same-session content-id sip-etag sip-if-match refer-cookie
            x-call-id x-cid
        """,
        ("host", "host"): "p-visited-network-id p-charging-function-addresses p-charging-vector p-user-database",
        ("access", "cell"): "p-access-network-info cellular-network-info p-access-network-information",
        ("secret", "strict"): "identity",
        ("product", "product"): "user-agent server",
    }.items()
    for name in names.split()
}
UNKNOWN_HEADER = ("strict", "strict")
