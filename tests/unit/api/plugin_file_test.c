/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The way to a plug-in's file: what others could change on it, and what is no file.
 */
#include "api/plugin.h"
#include "lib/check.h"
#include "lib/tmpdir.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* top/above/folder/file.so, each ours alone. */
static char top[4096];

static const char *at(const char *name)
{
    static char paths[8][4200];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", top, name);
    return p;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "%s", tmpdir_new());
    assert_int_equal(chmod(top, 0755), 0);
    assert_int_equal(mkdir(at("above"), 0755) + mkdir(at("above/folder"), 0755), 0);
    int fd = open(at("above/folder/file.so"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0 && !close(fd));
    return 0;
}

static void opens(const char *path)
{
    struct stat s, wanted;
    int fd = -1;
    if (ate__plugin_file_open(path, &fd))
        fail_msg("%s: %s", path, ate__error_text());
    assert_int_equal(fstat(fd, &s) + stat(at("above/folder/file.so"), &wanted), 0);
    assert_true(s.st_ino == wanted.st_ino && s.st_dev == wanted.st_dev);
    close(fd);
}

static void refused(const char *path, int result, const char *sentence)
{
    int fd = -7;
    int rc = ate__plugin_file_open(path, &fd);
    if (rc != result || !strstr(ate__error_text(), sentence))
        fail_msg("%s: %d, %s", path, rc, ate__error_text());
    assert_int_equal(fd, -7);
}

static const char file[] = "above/folder/file.so";

static void test_others_may_write(void **state)
{
    static const struct {
        const char *what;
        mode_t mode, good;
    } ways[] = {
        {"above/folder/file.so", 0664, 0644},
        {"above/folder/file.so", 0646, 0644},
        {"above/folder", 0775, 0755},
        {"above/folder", 0757, 0755},
        {"above/folder", 01777, 0755}, /* what lies in /tmp itself */
        {"above", 0775, 0755},
        {"above", 0757, 0755},
        {"", 0775, 0755},
        {"", 0757, 0755},
    };
    char sentence[5000];
    (void)state;
    opens(at(file));
    for (size_t i = 0; i < ATE__COUNT_OF(ways); i++) {
        snprintf(sentence, sizeof sentence, "others may write to %s%s%s (mode", top,
                 *ways[i].what ? "/" : "", ways[i].what);
        assert_int_equal(chmod(at(ways[i].what), ways[i].mode), 0);
        refused(at(file), ATE_DENIED, sentence);
        assert_int_equal(chmod(at(ways[i].what), ways[i].good), 0);
    }
    opens(at(file));
}

/* Above it a folder like /tmp is no danger: what is in it and ours only we take away. */
static void test_sticky_above(void **state)
{
    (void)state;
    assert_int_equal(chmod(at("above"), 01777), 0);
    opens(at(file));
    assert_int_equal(rename(at(file), at("above/file.so")), 0);
    refused(at("above/file.so"), ATE_DENIED, "others may write to");
    refused(at("above/./file.so"), ATE_DENIED, "others may write to");
    refused(at("above/folder/../file.so"), ATE_DENIED, "others may write to");
}

static void test_of_others(void **state)
{
    static const char *const ways[] = {"above/folder/file.so", "above/folder", "above", ""};
    (void)state;
    if (geteuid()) {
        print_message("only root gives files away\n");
        skip();
    }
    for (size_t i = 0; i < ATE__COUNT_OF(ways); i++) {
        assert_int_equal(chown(at(ways[i]), 65534, 65534), 0);
        refused(at(file), ATE_DENIED, "belongs to another user (uid 65534)");
        assert_int_equal(chown(at(ways[i]), 0, 0), 0);
    }
    assert_int_equal(symlink("folder", at("above/link")), 0);
    opens(at("above/link/file.so"));
    assert_int_equal(lchown(at("above/link"), 65534, 65534), 0);
    refused(at("above/link/file.so"), ATE_DENIED, "above/link belongs to another user");
}

static void test_links(void **state)
{
    char target[4200];
    (void)state;
    assert_int_equal(symlink("file.so", at("above/folder/link.so")), 0);
    refused(at("above/folder/link.so"), ATE_DENIED, "is a link: name the file itself");
    assert_int_equal(symlink("above/folder", at("near")), 0);
    opens(at("near/file.so"));
    snprintf(target, sizeof target, "%s", at("above"));
    assert_int_equal(symlink(target, at("far")), 0);
    opens(at("far/folder/file.so"));
    opens(at("far/../above//folder/./file.so"));
    assert_int_equal(symlink("round", at("round")), 0);
    refused(at("round/file.so"), ATE_E_SYSTEM, "symbolic links");
    /* A link leads through a folder that others may write. */
    assert_int_equal(mkdir(at("open"), 0755), 0);
    assert_int_equal(symlink("../above/folder", at("open/link")), 0);
    assert_int_equal(symlink("open/link", at("through")), 0);
    opens(at("through/file.so"));
    assert_int_equal(chmod(at("open"), 0777), 0);
    refused(at("through/file.so"), ATE_DENIED, "others may write to");
}

static void test_no_file(void **state)
{
    static char text[1 << 20];
    (void)state;
    refused(at("above/folder"), ATE_DENIED, "no regular file");
    refused(at("above/folder/file.so/"), ATE_DENIED, "no regular file");
    refused(at("above/folder/.."), ATE_DENIED, "no regular file");
    refused("/", ATE_DENIED, "no regular file");
    refused("/dev/null", ATE_DENIED, "/dev/null");
    assert_int_equal(mkfifo(at("above/fifo"), 0600), 0);
    refused(at("above/fifo"), ATE_DENIED, "no regular file"); /* and does not wait for a writer */
    refused(at("above/none.so"), ATE_NOT_FOUND, "there is no");
    refused(at("none/file.so"), ATE_NOT_FOUND, "there is no");
    refused(at("above/folder/file.so/x"), ATE_E_SYSTEM, "Not a directory");
    memset(text, 'x', sizeof text - 1);
    refused(text, ATE_E_SYSTEM, "too long");
}

static void test_relative(void **state)
{
    char here[4096];
    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(at("above")), 0);
    opens("folder/file.so");
    opens("./folder/file.so");
    opens("../above/folder/file.so");
    assert_int_equal(chdir("folder"), 0);
    opens("file.so");
    assert_int_equal(chmod("..", 0777), 0);
    refused("file.so", ATE_DENIED, "others may write to");
    assert_int_equal(chdir(here), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_others_may_write, set_up),
        cmocka_unit_test_setup(test_sticky_above, set_up),
        cmocka_unit_test_setup(test_of_others, set_up),
        cmocka_unit_test_setup(test_links, set_up),
        cmocka_unit_test_setup(test_no_file, set_up),
        cmocka_unit_test_setup(test_relative, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
