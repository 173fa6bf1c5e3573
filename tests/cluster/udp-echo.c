/* Sends every UDP datagram back to its sender. check.sh uses it to see whether a host port reaches a pod. Port: first argument. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int count, char **arguments) {
  struct sockaddr_in local = {.sin_family = AF_INET};
  local.sin_port = htons((unsigned short)(count > 1 ? atoi(arguments[1]) : 4000));
  int socket_id = socket(AF_INET, SOCK_DGRAM, 0);
  if (socket_id < 0 || bind(socket_id, (struct sockaddr *)&local, sizeof local) < 0) {
    perror("udp-echo: cannot listen");
    return 1;
  }
  for (;;) {
    char data[1500];
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    ssize_t size = recvfrom(socket_id, data, sizeof data, 0, (struct sockaddr *)&peer, &length);
    if (size >= 0) sendto(socket_id, data, (size_t)size, 0, (struct sockaddr *)&peer, length);
  }
}
