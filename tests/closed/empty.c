/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Linked with the whole of one layer and only those that it may call: an upward call is an
 * undefined symbol, and the test does not build. */
int main(void)
{
    return 0;
}
