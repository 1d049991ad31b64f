"""Bodies of responses: a reply, or a typed failure with the server's own words."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oiellm.llm.response import RequestError, read_body, read_response, server_words

SHARED = Path(__file__).parents[4] / "shared/cases/replies/replies.json"
SECRET = "sk-of-mine"


def chat(content, finish="stop", **about):
    message = {"role": "assistant", "content": content}
    return {"choices": [{"message": message, "finish_reason": finish}], **about}


def plain(text, finish="stop", **about):
    return {"choices": [{"text": text, "finish_reason": finish}], **about}


def failure(body, status=200):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(RequestError) as caught:
        read_response(content, status, SECRET)
    return caught.value


@pytest.mark.parametrize(
    ("body", "text", "finish"),
    [
        (chat("yes"), "yes", "stop"),
        (plain("yes"), "yes", "stop"),
        (plain("yes", None), "yes", "stop"),
        (plain("yes", ["stop"]), "yes", "stop"),
        (plain("yes", "eos_token"), "yes", "stop"),
        (plain("yes", "length"), "yes", "length"),
        (plain("", "length"), "", "length"),
        (chat(None, "content_filter"), "", "filter"),
        ({"choices": [{"message": {"content": "yes"}}]}, "yes", "stop"),
        ({"choices": [{"message": None, "text": "yes"}]}, "yes", "stop"),
        ({"choices": [{"text": "yes"}, None], "usage": [], "error": None}, "yes", "stop"),
        (plain(None), "", "empty"),
        (plain(""), "", "empty"),
        (chat(" \n"), " \n", "empty"),
        (chat(None), "", "empty"),
        (chat(5), "", "empty"),
        (chat("東京\ud83d"), "東京?", "stop"),
    ],
)
def test_replies(body, text, finish):
    reply = read_body(body, 200, SECRET)
    assert (reply.text, reply.finish) == (text, finish)
    assert read_response(json.dumps(body).encode(), 200, SECRET) == reply


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + json.dumps(chat("yes")).encode(),
        json.dumps(chat("yes")).encode("utf-16"),
        b" \n" * 9 + b'{"choices":[{"text":"yes"}]}',
    ],
    ids=["bom", "utf-16", "blanks"],
)
def test_replies_in_other_bytes(body):
    assert read_response(body, 200, SECRET).text == "yes"


@pytest.mark.parametrize(
    "count", [0, -3, "12", 1.5, None, True, [], 10**30, float("nan")], ids=[*"0-s.nTl", "huge", "nan"]
)
def test_counts_of_tokens_that_cannot_be_are_unknown(count):
    reply = read_body(chat("yes", usage={"prompt_tokens": count, "completion_tokens": count}), 200, SECRET)
    assert (reply.prompt_tokens, reply.completion_tokens) == (-1, -1)
    for usage in ({}, None, [], "0"):
        assert read_body(chat("yes", usage=usage), 200, SECRET).prompt_tokens == -1
    known = read_body(chat("yes", usage={"prompt_tokens": 7, "completion_tokens": 3}), 200, SECRET)
    assert (known.prompt_tokens, known.completion_tokens) == (7, 3)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"choices": [None]}, '{"choices":[null]}'),
        ({"choices": []}, '{"choices":[]}'),
        ({"choices": [{}], "message": "no worker"}, "no worker"),
        ({"choices": ["yes"]}, '{"choices":["yes"]}'),
        ({"choices": {"text": "yes"}}, '{"choices":{"text":"yes"}}'),
        ([], "an empty answer"),
        ({}, "an empty answer"),
        (b"", "an empty answer"),
        (b"null", "an empty answer"),
        (b"\xff\xfe\x00", "\ufffd\ufffd"),
        (b'{"choices": [{"text": "ye', '{"choices": [{"text": "ye'),
        (b"data: [DONE]\n\n", "data: [DONE]"),
        (b"<html><head><title>Log &amp; in\n</title></head><body>x</body></html>", "Log & in"),
        (b"<!DOCTYPE html>\n<style>p {}</style><p>Our <b>portal</b></p>", "Our"),
        (b"[" * 50_000, "[" * 300),
        (b"\x1b[31mred\x07", "[31mred"),
        (json.dumps({"error": "half \ud83d of"}).encode(), "half   of"),
        (f"bad key {SECRET} there".encode(), "bad key [key] there"),
    ],
)
def test_what_is_no_reply_is_told_in_the_servers_words(body, words):
    found = failure(body)
    assert found.status == 200 and found.is_transient and found.words == words and SECRET not in str(found)


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        ({"error": {"message": "no\nmore", "type": "invalid_request_error", "code": "bad"}}, "no", "bad"),
        ({"error": {"message": "no", "type": "invalid_request_error", "code": None}}, "no", "invalid_request_error"),
        ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, "no", "BadRequestError"),
        (
            {"error": {"code": 400, "message": "no", "type": "exceed_context_size_error"}},
            "no",
            "exceed_context_size_error",
        ),
        ({"error": "no", "error_type": "validation"}, "no", "validation"),
        ({"error": "model 'x' not found"}, "model 'x' not found", ""),
        ({"detail": "Not Found"}, "Not Found", ""),
        ({"detail": [{"loc": ["body", "x"], "msg": "field required", "type": "missing"}]}, "field required", ""),
        (
            {"statusCode": 401, "message": "Unauthorized. Access token is missing"},
            "Unauthorized. Access token is missing",
            "",
        ),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}], "no", ""),
        ({"errors": [{"message": "no", "code": 7003}]}, "no", ""),
        ({"error": {"message": {"message": "no"}}}, "no", ""),
        ({"error": {"code": "content_filter", "message": "no", "innererror": {"code": "x"}}}, "no", "content_filter"),
        ({"error": True, "message": "no"}, "no", ""),
        ({"error": {}}, '{"error":{}}', ""),
    ],
)
def test_errors_of_all_kinds_of_servers(error, words, code):
    found = failure(error, 400)
    assert (found.words, found.code, found.status) == (words, code, 400) and found.is_refusal and not found.is_transient


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"choices": None, "error": {"message": "busy", "code": 429}}, 429),
        ({"error": {"message": "busy", "code": "503"}}, 503),
        ({"choices": [{"text": "half of", "finish_reason": "error", "error": {"message": "busy", "code": 502}}]}, 502),
        ({"statusCode": 401, "message": "busy"}, 401),
        ({"error": {"message": "busy", "type": "invalid_request_error"}}, 400),
        ({"object": "error", "message": "busy", "code": 40303}, 200),
        ({"error": {"message": "busy", "code": 7}}, 200),
        (chat("an answer beside it", error={"message": "busy", "code": 500}), 500),
    ],
)
def test_an_error_in_a_body_of_status_200_is_what_it_says(error, status):
    found = failure(error)
    assert (found.status, found.words) == (status, "busy")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "This model's maximum context length is 64 tokens. However, you requested 99 tokens"),
        (400, "The decoder prompt (length 99) is longer than the maximum model length of 64"),
        (400, "request (99 tokens) exceeds the available context size (64 tokens), try increasing it"),
        (500, "the request exceeds the available context size. try increasing the context size"),
        (422, "Input validation error: `inputs` must have less than 64 tokens. Given: 99"),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 64. Given: 99"),
        (400, "The sum of prompt length (99.0), query length (0) should not exceed max_num_tokens (64)"),
        (400, "The input (99 tokens) is longer than the model's context length (64 tokens)."),
        (400, "prompt is too long: 99 tokens > 64 maximum"),
        (400, "The input token count (99) exceeds the maximum number of tokens allowed (64)."),
        (400, "Prompt contains 99 tokens and 0 draft tokens, too large for model with 64 maximum context length"),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 64"),
        (400, "Please reduce the length of the messages or completion."),
        (400, "Invalid 'messages[0].content': string too long. Expected a string with maximum length 64"),
        (413, "Request Entity Too Large"),
        (429, "Request too large for m on tokens per min (TPM): Limit 64, Requested 99."),
    ],
)
def test_what_does_not_fit_is_known_as_such(status, words):
    found = failure({"error": {"message": words}}, status)
    assert found.is_too_long and found.is_refusal


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "System role not supported"),
        (400, "Unsupported parameter: 'max_tokens' is not supported with this model."),
        (429, "Rate limit reached: please reduce the length of your bursts"),
        (500, "something went wrong"),
        (400, "grammar is invalid"),
        (401, "Incorrect API key provided"),
    ],
)
def test_what_has_nothing_to_do_with_length_is_not(status, words):
    assert not failure({"error": {"message": words}}, status).is_too_long


def test_what_waiting_does_not_mend():
    for code in ("insufficient_quota", "billing_not_active"):
        for error in ({"code": code, "message": "x"}, {"type": code, "code": None, "message": "x"}):
            assert not failure({"error": error}, 429).is_transient
    assert not failure({"error": {"code": 429, "type": "insufficient_quota", "message": "x"}}, 200).is_transient
    assert failure({"error": {"code": "rate_limit_exceeded", "message": "x"}}, 429).is_transient


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "error", "message", "text", "content", "usage", "code", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([200, 204, 400, 429, 500]))
def test_any_json_is_a_reply_or_a_typed_failure(body, status):
    try:
        reply = read_body(body, status, SECRET)
    except RequestError as error:
        assert error.words and "\n" not in error.words and len(error.words) <= 300
        error.words.encode()
    else:
        assert status < 300 and isinstance(reply.text, str) and reply.text.encode() is not None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_reply_or_a_typed_failure(content):
    with pytest.raises(RequestError):
        read_response(content, 200, SECRET)


@given(st.text())
def test_words_are_one_printable_line(text):
    words = server_words(text, SECRET)
    assert words.isprintable() and words.encode() and len(words) <= 300


@pytest.mark.skipif(not SHARED.is_file(), reason="needs the shared cases")
def test_the_shared_bodies_have_the_right_reading():
    cases = json.loads(SHARED.read_text(encoding="utf-8"))
    null, chat_shaped, nothing, rate, bare = cases["completions_200"]
    assert read_body(null, 200, "").finish == "empty"
    assert read_body(chat_shaped, 200, "").text == "Literature/NER/:Person;Mia"
    assert failure(nothing).status == 200
    assert (failure(rate).status, failure(rate).words) == (429, "upstream rate limited")
    assert read_body(bare, 200, "").text == "x" and read_body(bare, 200, "").prompt_tokens == -1
    short, shorter, system = (failure({"error": {"message": text}}, 400) for text in cases["refusals_400"])
    assert short.is_too_long and shorter.is_too_long and system.is_refusal and not system.is_too_long
