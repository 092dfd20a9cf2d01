/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * plugin.c: plug-ins: loading and starting them, and the end.
 *
 * A shared object is looked at through a descriptor (plugin_file.c) and loaded through it, so that
 * what is loaded is what was looked at. To the loader the descriptor's path is the object's name,
 * and one that it knows it does not open: so the descriptor stays open as long as the object is
 * there.
 */
#include "api/plugin.h"
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

/* ---- the end ---- */

static void name_of(int fd, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/proc/self/fd/%d", fd);
}

/* One that does not let itself be unloaded keeps its name. */
static void unload(const struct ate__plugin_object *o)
{
    char path[64];
    if (!o->handle)
        return;
    name_of(o->fd, path, sizeof path);
    dlclose(o->handle);
    void *left = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (left)
        dlclose(left);
    else
        close(o->fd);
}

/* Nobody has it, and its thread has ended. */
static void plugin_free(struct ate_plugin *p)
{
    if (p->v && p->v->stop)
        p->v->stop(p->state);
    unload(&p->object);
    pthread_mutex_destroy(&p->telling);
    ate__free(p);
}

void ate__plugin_unref(struct ate_plugin *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (p->asked)
        ate__runner_end(p->asked);
    else
        plugin_free(p);
}

static void thread_ended(void *arg)
{
    plugin_free(arg);
}

static void seals_no_more(void *arg)
{
    ate__plugin_unref(arg);
}

void ate_plugin_end(struct ate_plugin *p)
{
    if (!p)
        return;
    if (p->seals)
        ate__at_rest_unset(&p->at_rest);
    ate__plugin_unref(p);
}

/* ---- what it says ---- */

/* Those by which the library itself is steered are none of a plug-in's. */
static bool may_say(int result)
{
    static const int all[] = {ATE_NOT_FOUND, ATE_EXISTS,      ATE_WRONG_TYPE,
                              ATE_MISUSE,    ATE_CONFLICT,    ATE_BUSY,
                              ATE_MALFORMED, ATE_UNSUPPORTED, ATE_TOO_BIG};
    for (size_t i = 0; i < ATE__COUNT_OF(all); i++)
        if (all[i] == result)
            return true;
    return false;
}

int ate__plugin_refused(const struct ate_plugin *p, int result, const char *text)
{
    char escaped[ATE_PLUGIN_TEXT * 4];
    size_t size = strnlen(text, ATE_PLUGIN_TEXT - 1);
    ate__escaped(ate__bytes(text, size), escaped, sizeof escaped);
    return ate__fail(may_say(result) ? result : ATE_DENIED, "plug-in %s: %s", p->v->name,
                     size ? escaped : "it refused");
}

/* ---- sealing ---- */

typedef int form_fn(void *state, const struct ate_hash *chain_id, uint64_t sequence,
                    struct ate_bytes bytes, uint8_t *ret_bytes, size_t *ret_size, char *text);

static int change_form(struct ate_plugin *p, form_fn *form, int failed, size_t more,
                       const struct ate_hash *chain_id, uint64_t sequence, struct ate_bytes bytes,
                       struct ate__buf *buf)
{
    char text[ATE_PLUGIN_TEXT] = "";
    size_t room = bytes.size + more, size = room;
    int rc = ate__buf_reserve(buf, room);
    if (rc)
        return rc;
    rc = form(p->state, chain_id, sequence, bytes, buf->data + buf->size, &size, text);
    if (!rc && size > room)
        rc = ATE_E_BUG;
    if (rc) {
        rc = ate__plugin_refused(p, rc, text);
        char why[ATE__ERROR_SIZE];
        snprintf(why, sizeof why, "%s", ate__error_text());
        return ate__fail(failed, "transaction %llu: %s", (unsigned long long)sequence, why);
    }
    buf->size += size;
    return 0;
}

static int seal(void *arg, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes record, struct ate__buf *buf)
{
    struct ate_plugin *p = arg;
    return change_form(p, p->v->seal, ATE_E_SYSTEM, ATE_PLUGIN_SEAL_MORE, chain_id, sequence,
                       record, buf);
}

static int open_sealed(void *arg, const struct ate_hash *chain_id, uint64_t sequence,
                       struct ate_bytes sealed, struct ate__buf *buf)
{
    struct ate_plugin *p = arg;
    return change_form(p, p->v->open, ATE_TAMPERED, 0, chain_id, sequence, sealed, buf);
}

static int begin_sealing(struct ate_plugin *p)
{
    if (!p->v->seal && !p->v->open)
        return 0;
    if (!p->v->seal || !p->v->open)
        return ate__fail(ATE_MALFORMED, "plug-in %s: seal and open go together", p->v->name);
    p->at_rest = (struct ate__at_rest){
        .name = p->v->name, .seal = seal, .open = open_sealed, .unused = seals_no_more, .arg = p};
    int rc = ate__at_rest_set(&p->at_rest);
    if (rc)
        return rc;
    p->seals = true;
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return 0;
}

/* ---- starting ---- */

static bool is_name(const char *name)
{
    size_t size = name ? strnlen(name, ATE__AT_REST_NAME_MAX + 1) : 0;
    return size && size <= ATE__AT_REST_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

static int check(const struct ate_plugin_vtable *v)
{
    if (!v)
        return ate__fail(ATE_MISUSE, "plug-in: no vtable");
    if (v->abi != ATE_PLUGIN_ABI)
        return ate__fail(ATE_UNSUPPORTED, "plug-in: it was made for ABI %u, and this is %d",
                         (unsigned)v->abi, ATE_PLUGIN_ABI);
    if (!is_name(v->name))
        return ate__fail(ATE_MALFORMED, "plug-in: a name has 1 to %d bytes of a-z, 0-9 and -",
                         ATE__AT_REST_NAME_MAX);
    for (size_t i = 0; i < ATE__COUNT_OF(v->reserved); i++)
        if (v->reserved[i])
            return ate__fail(ATE_MALFORMED, "plug-in %s: a reserved place is not NULL", v->name);
    return 0;
}

static int start(struct ate_plugin *p, const char *options)
{
    char text[ATE_PLUGIN_TEXT] = "";
    int rc = p->v->start ? p->v->start(options ? options : "", &p->state, text) : 0;
    if (rc) {
        rc = ate__plugin_refused(p, rc, text);
        p->v = NULL; /* what did not start is not stopped */
        return rc;
    }
    if (p->v->lint || p->v->validate)
        rc = ate__runner_new(thread_ended, p, &p->asked);
    return rc ? rc : begin_sealing(p);
}

/* object: consumed. */
static int make(const struct ate_plugin_vtable *v, const char *options,
                struct ate__plugin_object object, struct ate_plugin **ret_plugin)
{
    struct ate_plugin *p = ate__alloc(sizeof *p);
    if (!p) {
        unload(&object);
        return ate__no_memory();
    }
    atomic_init(&p->refs, 1);
    pthread_mutex_init(&p->telling, NULL);
    p->object = object;
    int rc = check(v);
    if (!rc) {
        p->v = v;
        rc = start(p, options);
    }
    if (rc) {
        ate__plugin_unref(p);
        return rc;
    }
    *ret_plugin = p;
    return 0;
}

int ate_plugin_start(const struct ate_plugin_vtable *vtable, const char *options,
                     struct ate_plugin **ret_plugin)
{
    return make(vtable, options, (struct ate__plugin_object){NULL, -1}, ret_plugin);
}

const char *ate_plugin_name(const struct ate_plugin *p)
{
    return p->v->name;
}

/* ---- loading ---- */

static int load_object(const char *file, struct ate__plugin_object *ret_object,
                       const struct ate_plugin_vtable **ret_vtable)
{
    char path[64];
    struct ate__plugin_object o = {NULL, -1};
    int rc = ate__plugin_file_open(file, &o.fd);
    if (rc)
        return rc;
    name_of(o.fd, path, sizeof path);
    o.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *why = o.handle ? NULL : dlerror();
    const void *symbol = o.handle ? dlsym(o.handle, "ate_plugin_main") : NULL;
    if (symbol) {
        *ret_object = o;
        *ret_vtable = symbol;
        return 0;
    }
    rc = ate__fail(ATE_MALFORMED, "plug-in: %s: %s", file, why ? why : "it has no ate_plugin_main");
    if (o.handle)
        unload(&o);
    else
        close(o.fd);
    return rc;
}

int ate_plugin_load(const char *file, const char *options, struct ate_plugin **ret_plugin)
{
    struct ate__plugin_object object;
    const struct ate_plugin_vtable *v = NULL;
    if (!file || !*file)
        return ate__fail(ATE_MISUSE, "plug-in: no file");
    int rc = load_object(file, &object, &v);
    if (rc)
        return rc;
    rc = make(v, options, object, ret_plugin);
    return rc ? ate__context(rc, "%s", file) : 0;
}
