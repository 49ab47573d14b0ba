/* Templates, and the protocols of objserver and of Redis: templates to requests, bytes to replies. Does no I/O.

       objserver   0          4                       redis (RESP2)   *3\r\n$7\r\nEVALSHA\r\n...
                   | size u32 | JSON-RPC body |                       one reply of any type, arrays nested as deep as they like

   Promise: however the bytes of a reply are split, it is taken whole or not at all; what is no reply ends the program.
*/
#define _GNU_SOURCE
#include "loadgen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Templates */

static const struct place { const char *text; struct piece piece; } PLACES[] = {
    {"{{key}}", {.kind = KEY, .column = 0}},
    {"{{key1}}", {.kind = KEY, .column = 1}},
    {"{{key2}}", {.kind = KEY, .column = 2}},
    {"{{id}}", {.kind = ID}},
};

/* The place that the text begins with, NULL when it begins with none. */
static const struct place *find_place(const char *at, const char *end)
{
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        size_t size = strlen(PLACES[i].text);
        if ((size_t)(end - at) >= size && !memcmp(at, PLACES[i].text, size))
            return &PLACES[i];
    }
    return NULL;
}

static void add_literal(struct argument *argument, const char *start, const char *end)
{
    if (start == end)
        return;
    argument->pieces[argument->piece_count++] = (struct piece){LITERAL, 0, {start, (size_t)(end - start)}};
    argument->literal_size += (size_t)(end - start);
}

struct argument parse_argument(const char *start, size_t size)
{
    struct argument argument = {.pieces = allocate(size + 1, sizeof(struct piece))};
    const char *literal = start, *at = start, *end = start + size;
    while (at < end) {
        const struct place *place = find_place(at, end);
        if (!place) {
            at++;
            continue;
        }
        add_literal(&argument, literal, at);
        argument.pieces[argument.piece_count++] = place->piece;
        argument.key_count += place->piece.kind == KEY;
        argument.id_count += place->piece.kind == ID;
        argument.has_columns |= place->piece.column > 0;
        literal = at += strlen(place->text);
    }
    add_literal(&argument, literal, end);
    return argument;
}

size_t argument_size_max(const struct argument *argument, size_t key_size)
{
    return argument->literal_size + argument->key_count * key_size + argument->id_count * DIGITS_MAX;
}

static struct text piece_text(const struct piece *piece, struct text key)
{
    if (piece->kind == LITERAL)
        return piece->text;
    const char *space = piece->column ? memchr(key.start, ' ', key.size) : NULL;
    if (!space)
        return key;
    size_t before = (size_t)(space - key.start);
    return piece->column == 1 ? (struct text){key.start, before} : (struct text){space + 1, key.size - before - 1};
}

size_t argument_size(const struct argument *argument, struct text key)
{
    size_t size = 0;
    for (size_t i = 0; i < argument->piece_count; i++)
        size += piece_text(&argument->pieces[i], key).size;
    return size;
}

size_t put_argument(char *out, const struct argument *argument, struct text key, uint64_t id)
{
    char *at = out;
    for (size_t i = 0; i < argument->piece_count; i++) {
        if (argument->pieces[i].kind == ID)
            at += put_number(at, id);
        else {
            struct text text = piece_text(&argument->pieces[i], key);
            at = mempcpy(at, text.start, text.size);
        }
    }
    return (size_t)(at - out);
}

/* ---- Numbers */

char *put_integer(char *out, uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        out[i] = (char)(number >> 8 * (size - 1 - i));
    return out + size;
}

uint64_t take_integer(const char *at, int size)
{
    uint64_t number = 0;
    for (int i = 0; i < size; i++)
        number = number << 8 | (unsigned char)at[i];
    return number;
}

int64_t line_number(struct text line)
{
    char digits[DIGITS_MAX + 2] = "", *stop = digits;
    if (line.size > 0 && line.size <= DIGITS_MAX) {
        memcpy(digits, line.start, line.size);
        errno = 0;
        long long number = strtoll(digits, &stop, 10);
        if (*stop == 0 && errno == 0 && (digits[0] == '-' || (digits[0] >= '0' && digits[0] <= '9')))
            return number;
    }
    breach("no number where the protocol has one: %s", shown(line));
}

/* ---- objserver */

static size_t put_frame(char *out, const struct template *template, struct text key, uint64_t id)
{
    size_t size = put_argument(out + 4, &template->arguments[0], key, id);
    put_integer(out, size, 4);
    return 4 + size;
}

/* A scanner, not a validator: it finds the members of the outermost object and whether everything in it is closed. Each
   function returns where it stopped, NULL for what is no JSON. */

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

static const char *skip_string(const char *at, const char *end)
{
    if (at >= end || *at != '"')
        return NULL;
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\')
            at++;
        else if ((unsigned char)*at < 0x20)
            return NULL;
    }
    return NULL;
}

static const char *skip_value(const char *at, const char *end)
{
    const char *start = at;
    if (at < end && *at == '"')
        return skip_string(at, end);
    if (at < end && (*at == '{' || *at == '[')) {
        size_t depth = 0;
        while (at && at < end) {
            char c = *at;
            if (c == '"') {
                at = skip_string(at, end);
                continue;
            }
            at++;
            if (c == '{' || c == '[')
                depth++;
            else if ((c == '}' || c == ']') && --depth == 0)
                return at;
        }
        return NULL;
    }
    while (at < end && (*at == '-' || *at == '+' || *at == '.' || (*at >= '0' && *at <= '9') ||
                        (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
        at++;
    return at > start ? at : NULL;
}

static bool is(struct text text, const char *expected)
{
    return text.size == strlen(expected) && !memcmp(text.start, expected, text.size);
}

/* Read one JSON-RPC reply to `id`; return whether it is an error. */
static bool check_message(struct text body, uint64_t id)
{
    const char *at = body.start, *end = body.start + body.size;
    struct text found_id = {NULL, 0}, found_version = {NULL, 0};
    int results = 0, errors = 0;
    at = skip_space(at, end);
    if (at == end || *at != '{')
        breach("the reply is no JSON object: %s", shown(body));
    do {
        const char *name = skip_space(at + 1, end), *name_end = skip_string(name, end);
        const char *colon = name_end ? skip_space(name_end, end) : end;
        const char *value = colon < end && *colon == ':' ? skip_space(colon + 1, end) : NULL;
        const char *value_end = value ? skip_value(value, end) : NULL;
        if (!value_end)
            breach("the reply is no JSON: %s", shown(body));
        struct text member = {name, (size_t)(name_end - name)};
        if (is(member, "\"id\""))
            found_id = (struct text){value, (size_t)(value_end - value)};
        else if (is(member, "\"jsonrpc\""))
            found_version = (struct text){value, (size_t)(value_end - value)};
        results += is(member, "\"result\"");
        errors += is(member, "\"error\"");
        at = skip_space(value_end, end);
    } while (at < end && *at == ',');
    if (at == end || *at != '}' || skip_space(at + 1, end) != end)
        breach("the reply is no JSON: %s", shown(body));
    if (!is(found_version, "\"2.0\"") || results + errors != 1)
        breach("the reply is no JSON-RPC reply: %s", shown(body));
    char expected[DIGITS_MAX + 1];
    expected[put_number(expected, id)] = 0;
    /* A server that could not read the request can't know its id. */
    if (!is(found_id, expected) && !(errors && is(found_id, "null")))
        breach("the reply is not to request %s: %s", expected, shown(body));
    return errors != 0;
}

static size_t take_frame(struct text data, struct reply *reply)
{
    if (data.size < 4)
        return 0;
    size_t size = take_integer(data.start, 4);
    if (size > REPLY_SIZE_MAX)
        breach("a frame claims %zu bytes; is this the right protocol?", size);
    if (data.size - 4 < size)
        return 0;
    reply->body = (struct text){data.start + 4, size};
    reply->is_error = check_message(reply->body, reply->id);
    return 4 + size;
}

/* ---- redis */

static size_t put_command(char *out, const struct template *template, struct text key, uint64_t id)
{
    char *at = out;
    *at++ = '*';
    at += put_number(at, template->argument_count);
    for (size_t i = 0; i < template->argument_count; i++) {
        const struct argument *argument = &template->arguments[i];
        at = mempcpy(at, "\r\n$", 3);
        at += put_number(at, argument_size(argument, key));
        at = mempcpy(at, "\r\n", 2);
        at += put_argument(at, argument, key, id);
    }
    at = mempcpy(at, "\r\n", 2);
    return (size_t)(at - out);
}

static size_t take_resp(struct text data, struct reply *reply)
{
    const char *at = data.start, *end = data.start + data.size;
    reply->is_error = false;
    for (uint64_t left = 1; left > 0; left--) { /* an array adds its items to what is left */
        if (at == end)
            return 0;
        if (!strchr("+-:$*", *at) || !*at)
            breach("no RESP reply: %s", shown((struct text){at, (size_t)(end - at)}));
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        if (!line_end || line_end + 1 == end) {
            if (end - at > LINE_SIZE_MAX)
                breach("a RESP line does not end: %s", shown((struct text){at, (size_t)(end - at)}));
            return 0;
        }
        struct text line = {at + 1, (size_t)(line_end - at - 1)};
        if (line_end[1] != '\n')
            breach("a RESP line does not end: %s", shown(line));
        char kind = *at;
        at = line_end + 2;
        reply->is_error |= kind == '-';
        if (kind == '+' || kind == '-')
            continue;
        int64_t number = line_number(line);
        if (kind == ':' || number == -1) /* -1: nothing there */
            continue;
        if (number < 0 || number > REPLY_SIZE_MAX)
            breach("RESP claims %lld bytes or items", (long long)number);
        if (kind == '*')
            left += (uint64_t)number;
        else if (end - at < number + 2)
            return 0;
        else if (memcmp(at + number, "\r\n", 2))
            breach("a RESP text does not end where its size says: %s", shown(line));
        else
            at += number + 2;
    }
    reply->body = (struct text){data.start, (size_t)(at - data.start)};
    return reply->body.size;
}

const struct protocol OBJSERVER = {"objserver", false, NULL, NULL, put_frame, take_frame};
const struct protocol REDIS = {"redis", true, NULL, NULL, put_command, take_resp};
