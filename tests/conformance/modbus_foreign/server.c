/* A Modbus TCP server on libmodbus, as a foreign implementation for the conformance tests.
 *
 * Prints its port and serves any number of clients until SIGTERM or until its parent ends:
 *   holding 0, 2, 4, 6   the float 123.456 (42F6E979) in the orders ABCD, DCBA, BADC, CDAB, written
 *                        out: modbus_set_float_abcd() of libmodbus 3.1.6 sends B A D C from a
 *                        little-endian machine
 *   holding 10 + i       i * 257, i = 0..255
 *   holding 300..        "Spindle" in 10 characters
 *   input i              65535 - i, i = 0..999
 *   coil i               i % 3 == 0; discrete input i: i % 5 == 0, i = 0..1999
 * 1000 registers and 2000 bits of each; past them libmodbus answers exception 2.
 */
#include <arpa/inet.h>
#include <modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static void fill(modbus_mapping_t *m) {
    const char *text = "Spindle\0\0\0";
    const uint16_t orders[] = {0x42F6, 0xE979, 0x79E9, 0xF642, 0xF642, 0x79E9, 0xE979, 0x42F6};
    for (int i = 0; i < 8; i++) m->tab_registers[i] = orders[i];
    for (int i = 0; i < 256; i++) m->tab_registers[10 + i] = i * 257;
    for (int i = 0; i < 5; i++)
        m->tab_registers[300 + i] = (unsigned char)text[2 * i] << 8 | (unsigned char)text[2 * i + 1];
    for (int i = 0; i < 1000; i++) m->tab_input_registers[i] = 65535 - i;
    for (int i = 0; i < 2000; i++) m->tab_bits[i] = i % 3 == 0, m->tab_input_bits[i] = i % 5 == 0;
}

int main(void) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(2000, 2000, 1000, 1000);
    int listener = ctx && map ? modbus_tcp_listen(ctx, 16) : -1;
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&address, &size)) return 1;
    fill(map);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    fd_set all, ready;
    int highest = listener;
    FD_ZERO(&all);
    FD_SET(listener, &all);
    for (;;) {
        ready = all;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0) return 1;
        for (int fd = 0; fd <= highest; fd++) {
            uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
            if (!FD_ISSET(fd, &ready)) continue;
            if (fd == listener) {
                int peer = accept(listener, NULL, NULL);
                if (peer < 0) continue;
                FD_SET(peer, &all);
                if (peer > highest) highest = peer;
                continue;
            }
            modbus_set_socket(ctx, fd);
            int length = modbus_receive(ctx, query);
            if (length > 0) modbus_reply(ctx, query, length, map);
            if (length == -1) close(fd), FD_CLR(fd, &all);
        }
    }
}
