/* A Modbus RTU server on libmodbus, as a foreign implementation for the conformance tests.
 *
 *   serial <port> <unit id>
 *
 * 115200 8N1. Prints "ready" and serves until SIGTERM or until its parent ends:
 *   holding i   i * 257 % 65536; input i   65535 - i; coil i   i % 3 == 0; 1000 of each
 */
#include <modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    modbus_t *ctx = argc == 3 ? modbus_new_rtu(argv[1], 115200, 'N', 8, 1) : NULL;
    modbus_mapping_t *map = modbus_mapping_new(1000, 1000, 1000, 1000);
    if (!ctx || !map || modbus_set_slave(ctx, atoi(argv[2])) || modbus_connect(ctx)) return 1;
    for (int i = 0; i < 1000; i++) {
        map->tab_registers[i] = i * 257;
        map->tab_input_registers[i] = 65535 - i;
        map->tab_bits[i] = i % 3 == 0;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
        int length = modbus_receive(ctx, query);
        if (length > 0) modbus_reply(ctx, query, length, map);
    }
}
