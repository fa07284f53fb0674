#!/usr/bin/env python3
"""usage: screen.py SOCKET staff|patient|admin    Shows each View of one role, and sends its replies."""
import getpass, os, pathlib, sys, time
import grpc
from cryptography.hazmat.primitives import hashes, serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from madoguchi.check.v1 import check_pb2 as check, failure_pb2 as failures, text_pb2
from madoguchi.desk.v1 import desk_pb2 as desk, desk_pb2_grpc
said = lambda text: text.ja if os.environ.get("LANG", "").startswith("ja") else text.en

def seal(pin, prompt, check_id):  # desk.proto says how, at PinPrompt
    ours = ec.generate_private_key(ec.SECP256R1())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), prompt.public_key)
    point = ours.public_key().public_bytes(forms.Encoding.X962, forms.PublicFormat.UncompressedPoint)
    hkdf = HKDF(hashes.SHA256(), 44, prompt.public_key + point, b"madoguchi pin v1")
    keys, plain = hkdf.derive(ours.exchange(ec.ECDH(), theirs)), pin.encode().ljust(16, b"\0")
    sealed = AESGCM(keys[:32]).encrypt(keys[32:], bytes([len(pin)]) + plain,
                                       check_id.encode() + prompt.prompt_id)
    return desk.SealedPin(prompt_id=prompt.prompt_id, ephemeral_public_key=point, ciphertext=sealed)

def show(view):
    print(f"[{view.counter}] {said(view.title)}. {said(view.advice)}", *view.lay_on, flush=True)
    if view.HasField("tries_left"):
        print(f"  {view.tries_left} tries left{', that PIN was wrong' * view.pin_rejected}")
    if view.HasField("verdict"):
        print(" ", check.Outcome.Name(view.verdict.outcome), view.verdict.eligibility.name,
              failures.FailureCode.Name(view.verdict.failure.code), flush=True)

def reply_to(view):
    """The kind of Reply that the person here gives; None where this role is asked nothing."""
    yes, one_of = lambda: input("y/n? ") == "y", lambda names: input("/".join(names) + "? ")
    for kind in view.allowed:
        if kind == desk.REPLY_KIND_BEGIN: return {"begin": desk.Begin(method=one_of(m.id for m in view.method))}
        if kind == desk.REPLY_KIND_PIN:
            pin = (getpass.getpass if sys.stdin.isatty() else input)("PIN? ")
            return {"pin": seal(pin[:16], view.pin_prompt, view.check_id)}
        if kind == desk.REPLY_KIND_LAST_TRY: return {"last_try": desk.LastTry(go_on=yes())}
        if kind == desk.REPLY_KIND_VISUAL_MATCH: return {"visual_match": desk.VisualMatch(matches=yes())}
        if kind == desk.REPLY_KIND_SAME_CARD: return {"same_card": desk.SameCard(same=yes())}
        if kind == desk.REPLY_KIND_WHICH_CARD: return {"which_card": desk.WhichCard(reader=one_of(view.card_at))}
        if kind == desk.REPLY_KIND_ANSWER:
            fields = {f.id: input(said(f.label) + "? ") for f in view.ask.fields}
            choice = one_of(f"{c.id} ({said(c.label)})" for c in view.ask.choices)
            return {"answer": desk.Answer(choice_id=choice, field=fields)}
        if kind == desk.REPLY_KIND_CLOSE and not input("Enter closes. "): return {"close": desk.Close()}

def failed(error):
    """Shows why a call failed; True where it was a slip, and the question is still open."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    if not details: print("!", error.details(), flush=True)
    for any_ in failures.StatusDetails.FromString(details).details:
        any_.Unpack(failure := failures.Failure())
        print(f"! {failures.FailureCode.Name(failure.code)} {said(failure.advice)}", flush=True)
    return error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)

def watch(stub, role):
    answered = None  # Views of it may still be on their way when its answer is taken.
    for view in stub.Watch(desk.WatchRequest(role=role)):
        show(view)
        question = (view.check_id, view.question, view.stage)
        answered = answered if answered == question else None
        while question != answered and (kind := reply_to(view)):
            answered = question
            try:
                stub.Send(desk.SendRequest(reply=desk.Reply(
                    counter=view.counter, role=role, check_id=question[0], question=question[1], **kind)))
            except grpc.RpcError as error:
                answered = None if failed(error) else question

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ("staff", "patient", "admin"): sys.exit(__doc__)
    if not pathlib.Path(sys.argv[1]).is_socket(): sys.exit(sys.argv[1] + ": expected a desk's socket")
    host = desk_pb2_grpc.DeskStub(grpc.insecure_channel("unix:" + sys.argv[1]))
    while True:  # A View is the whole screen: whoever comes back has missed nothing.
        try: watch(host, text_pb2.Role.Value("ROLE_" + sys.argv[2].upper()))
        except EOFError: sys.exit()
        except grpc.RpcError as error: failed(error); time.sleep(1)
