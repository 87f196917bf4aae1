"""Token verification: only a current id token of this pool for this client is accepted."""

import hashlib
import hmac
import json
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from infra.edge.storefront_edge.tokens import SHA256_DIGEST_INFO, TokenRefused, verified_claims

from .pool import AUDIENCE, ISSUER, NOW, Pool, base64url, encoded

OURS = Pool()


def claims_in(token, keys=None, now=NOW):
    return verified_claims(token, [OURS.jwk] if keys is None else keys, ISSUER, AUDIENCE, now)


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_token_of_the_pool_is_accepted(bits):
    pool = Pool(f"of {bits}", bits=bits)
    assert claims_in(pool.token(), [pool.jwk])["cognito:groups"] == ["admin"]


def test_key_is_found_among_several():
    other = Pool("other", kid="key-2")
    assert claims_in(other.token(), [OURS.jwk, other.jwk])["sub"] == "3f0a"


def test_library_accepts_and_refuses_the_same_tokens():
    assert claims_in(OURS.token(exp=NOW + 10**9)) == jwt.decode(
        OURS.token(exp=NOW + 10**9), OURS.key.public_key(), algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": None},
        {"exp": str(NOW + 9)},
        {"exp": True},
        {"exp": [NOW + 9]},
        {"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other"},
        {"iss": [ISSUER]},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": [AUDIENCE]},
        {"token_use": "access"},
        {"token_use": None},
    ],
)
def test_foreign_or_expired_token_is_refused(claims):
    with pytest.raises(TokenRefused):
        claims_in(OURS.token(**claims))


def test_foreign_pools_token_is_refused():
    with pytest.raises(TokenRefused):
        claims_in(Pool("theirs", kid="their-key").token())


def test_foreign_pools_token_under_our_keys_name_is_refused():
    with pytest.raises(TokenRefused):
        claims_in(Pool("theirs", kid=OURS.kid).token())


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "key-2"},
        {"kid": None},
        {"kid": ["key-1"]},
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS256"},
        {"alg": "RS384"},
        {"alg": "PS256"},
        {"alg": None},
        {"alg": ["RS256"]},
        {"crit": ["exp"]},
    ],
)
def test_token_with_an_unexpected_header_is_refused(header):
    with pytest.raises(TokenRefused):
        claims_in(Pool(header=header).token())


def test_key_in_the_header_of_a_token_is_not_used():
    for kid in ("key-9", OURS.kid):
        theirs = Pool("theirs", kid=kid)
        with pytest.raises(TokenRefused):
            claims_in(replace(theirs, header={"jwk": theirs.jwk}).token())


def test_token_with_algorithm_none_is_refused():
    for alg in ("none", "NONE", "RS256"):
        with pytest.raises(TokenRefused):
            claims_in(Pool(header={"alg": alg}).unsigned() + ".")


def test_our_public_key_is_no_secret_to_sign_with():
    public = OURS.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    message = Pool(header={"alg": "HS256"}).unsigned()
    for secret in (public, json.dumps(OURS.jwk).encode(), OURS.jwk["n"].encode()):
        signature = hmac.new(secret, message.encode(), hashlib.sha256).digest()
        with pytest.raises(TokenRefused):
            claims_in(f"{message}.{base64url(signature)}")


def test_changed_payload_is_refused():
    header, _, signature = OURS.token(**{"cognito:groups": []}).split(".")
    _, payload, _ = OURS.token().split(".")
    with pytest.raises(TokenRefused):
        claims_in(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("hash_of_it", [hashes.SHA1(), hashes.SHA384(), hashes.SHA512()])
def test_signature_with_another_hash_is_refused(hash_of_it):
    message = OURS.unsigned()
    signature = OURS.key.sign(message.encode(), padding.PKCS1v15(), hash_of_it)
    with pytest.raises(TokenRefused):
        claims_in(f"{message}.{base64url(signature)}")


def test_signature_with_another_padding_is_refused():
    message = OURS.unsigned()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    with pytest.raises(TokenRefused):
        claims_in(f"{message}.{base64url(OURS.key.sign(message.encode(), pss, hashes.SHA256()))}")


BLOCK = 256
DIGEST = SHA256_DIGEST_INFO + hashlib.sha256(OURS.unsigned().encode()).digest()
HONEST = b"\x00\x01" + b"\xff" * (BLOCK - len(DIGEST) - 3) + b"\x00" + DIGEST
NO_PARAMETERS = bytes.fromhex("302f300b0609608648016503040201") + DIGEST[-34:]


def test_padding_block_of_the_standard_is_accepted():
    assert claims_in(OURS.with_block(OURS.unsigned(), HONEST))


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(
            b"\x00\x01" + b"\xff" * 8 + b"\x00" + DIGEST + b"\x5a" * (BLOCK - 11 - len(DIGEST)), id="short padding"
        ),
        pytest.param(b"\x00\x01" + b"\xff" * (BLOCK - len(DIGEST) - 4) + b"\x00" + DIGEST + b"\x00", id="a byte more"),
        pytest.param(b"\x00\x02" + HONEST[2:], id="the padding of encryption"),
        pytest.param(b"\x00\x01" + b"\xfe" + HONEST[3:], id="a changed padding byte"),
        pytest.param(b"\x00\x01" + b"\x00" + HONEST[3:], id="padding that ends early"),
        pytest.param(b"\x00\x00" + HONEST[2:], id="no padding's type"),
        pytest.param(
            b"\x00\x01" + b"\xff" * (BLOCK - len(NO_PARAMETERS) - 3) + b"\x00" + NO_PARAMETERS, id="no parameters"
        ),
        pytest.param(b"\x00" * (BLOCK - 32) + DIGEST[-32:], id="the bare hash"),
        pytest.param(b"\x00" * (BLOCK - 1) + b"\x01", id="one"),
        pytest.param(b"\x00" * BLOCK, id="zero"),
    ],
)
def test_padding_block_that_differs_is_refused(block):
    with pytest.raises(TokenRefused):
        claims_in(OURS.with_block(OURS.unsigned(), block))


def test_signature_of_another_length_is_refused():
    message, _, signature = OURS.token().rpartition(".")
    raw = jwt.utils.base64url_decode(signature)
    larger = (int.from_bytes(raw, "big") + OURS.key.public_key().public_numbers().n).to_bytes(257, "big")
    for forged in (b"\x00" + raw, raw[:-1], raw + b"\x00", b"", larger):
        with pytest.raises(TokenRefused):
            claims_in(f"{message}.{base64url(forged)}")


def test_key_that_is_too_short_is_not_used():
    small = Pool("small", bits=1024)
    with pytest.raises(TokenRefused):
        claims_in(small.token(), [small.jwk])


@pytest.mark.parametrize("change", [{"kty": "oct"}, {"alg": "RS512"}, {"use": "enc"}])
def test_key_for_another_use_is_refused(change):
    with pytest.raises(TokenRefused):
        claims_in(OURS.token(), [OURS.jwk | change])


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a" * 9000,
        f"{encoded([])}.{encoded({})}.AA",
        f"{base64url(b'[' * 5000)}.{encoded({})}.AA",
        f"{base64url(bytes([255, 254]))}.{encoded({})}.AA",
        OURS.token() + ".",
        OURS.token() + "=",
        OURS.token() + "\n",
        " " + OURS.token(),
        OURS.token().replace("e", "é", 1),
    ],
    ids=lambda token: token[:20],
)
def test_malformed_token_is_refused(token):
    with pytest.raises(TokenRefused):
        claims_in(token)
