# By PyKCS11: Ed25519 and ECDSA, and what a token refuses, each with its code. The key "python" is there.
import os

from PyKCS11 import *  # noqa: F403

peer = os.environ["PEER"] == "yes"  # SoftHSM, which is laxer and names some errors otherwise
library = PyKCS11Lib()
library.load(os.environ["MODULE"])
slot = next(s for s in library.getSlotList(tokenPresent=True) if library.getTokenInfo(s).label.strip() == "mine")
session = library.openSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)


def refused(code, call, *arguments):
    try:
        call(*arguments)
    except PyKCS11Error as error:
        assert error.value == code, f"{call.__name__}: {error} instead of {CKR[code]}"
    else:
        raise AssertionError(f"{call.__name__} is not refused with {CKR[code]}")


private = [(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_LABEL, "python")]
assert not session.findObjects(private), "a private key without login"
refused(CKR_PIN_INCORRECT, session.login, "wrong-pin")
session.login(os.environ["BULLA_PIN"])
refused(CKR_USER_ALREADY_LOGGED_IN, session.login, os.environ["BULLA_PIN"])
key = session.findObjects(private)[0]
public = session.findObjects([(CKA_CLASS, CKO_PUBLIC_KEY), (CKA_LABEL, "python")])[0]
assert session.getAttributeValue(key, [CKA_SENSITIVE, CKA_KEY_TYPE, CKA_SIGN]) == [True, CKK_RSA, True]
assert session.getAttributeValue(key, [CKA_PRIVATE_EXPONENT]) == [None], "a sensitive attribute is shown"
message = b"what is signed"
signature = bytes(session.sign(key, message, Mechanism(CKM_SHA256_RSA_PKCS)))
with open("python.sig", "rb") as file:
    assert file.read() == signature, "RSA PKCS#1 v1.5 is deterministic"
altered = bytes([signature[0] ^ 1]) + signature[1:]
assert session.verify(public, message, signature, Mechanism(CKM_SHA256_RSA_PKCS))
assert not session.verify(public, message, altered, Mechanism(CKM_SHA256_RSA_PKCS))
assert not session.verify(public, message + b".", signature, Mechanism(CKM_SHA256_RSA_PKCS))
if not peer:
    refused(CKR_KEY_TYPE_INCONSISTENT, session.sign, key, message, Mechanism(CKM_ECDSA))

pss = RSA_PSS_Mechanism(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32)
assert session.verify(public, message, bytes(session.sign(key, message, pss)), pss)

# The OIDs of P-256 (RFC 5480) and Ed25519 (RFC 8410).
curves = {
    CKM_EC_KEY_PAIR_GEN: (bytes.fromhex("06082a8648ce3d030107"), CKM_ECDSA_SHA256 if not peer else CKM_ECDSA, bytes(32)),
}
if not peer:
    curves[0x1055] = (bytes.fromhex("06032b6570"), 0x1057, message)  # CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA
for generate, (curve, mechanism, data) in curves.items():
    point, scalar = session.generateKeyPair(
        [(CKA_EC_PARAMS, tuple(curve)), (CKA_VERIFY, CK_TRUE)],
        [(CKA_SIGN, CK_TRUE), (CKA_SENSITIVE, CK_TRUE)], Mechanism(generate))
    made = bytes(session.sign(scalar, data, Mechanism(mechanism)))
    assert len(made) == 64
    assert session.verify(point, data, made, Mechanism(mechanism))
    assert not session.verify(point, data, made[:-1] + bytes([made[-1] ^ 1]), Mechanism(mechanism))

# AES-GCM: an altered byte, another header, another key.
secret = [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_ENCRYPT, CK_TRUE), (CKA_DECRYPT, CK_TRUE)]
# Test case 4 of McGrew and Viega's specification of GCM.
value = bytes.fromhex("feffe9928665731c6d6a8f9467308308")
header = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
gcm = AES_GCM_Mechanism(bytes.fromhex("cafebabefacedbaddecaf888"), header, 128)
text = bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
expected = bytes.fromhex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                         "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                         "5bc94fbc3221a5db94fae95ae7121a47")
aes = session.createObject(secret + [(CKA_VALUE, tuple(value))])
sealed = bytes(session.encrypt(aes, text, gcm))
assert sealed == expected
assert bytes(session.decrypt(aes, sealed, gcm)) == text
invalid = CKR_ENCRYPTED_DATA_INVALID if not peer else CKR_GENERAL_ERROR
refused(invalid, session.decrypt, aes, sealed[:-1] + bytes([sealed[-1] ^ 1]), gcm)
session.destroyObject(aes)
refused(CKR_KEY_HANDLE_INVALID if not peer else CKR_OBJECT_HANDLE_INVALID, session.encrypt, aes, text, gcm)
session.logout()
if not peer:
    refused(CKR_USER_NOT_LOGGED_IN, session.logout)
print("all passed")
