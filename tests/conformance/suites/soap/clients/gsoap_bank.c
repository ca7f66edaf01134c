/* gSOAP calls the bank with the code that it makes of its WSDL. Prints a line for each case that went well. */
#include <string.h>

#include "soapH.h"
#include "bank.nsmap"

static void must(struct soap *soap, int good, const char *what) {
  if (!good) {
    fprintf(stderr, "%s\n", what);
    soap_print_fault(soap, stderr);
    exit(1);
  }
}

static struct SOAP_ENV__Detail *details(struct soap *soap) {
  return soap->version == 2 ? soap->fault->SOAP_ENV__Detail : soap->fault->detail;
}

#define CALL(name, given, answer) \
  must(soap, soap_call___ns1__##name(soap, url, NULL, &given, &answer) == SOAP_OK, #name)

int main(int count, char **arguments) {
  const char *url = arguments[1], *version = arguments[2];
  /* Sends every message as MTOM if asked to. */
  soap_mode mode = strstr(version, "MTOM") ? SOAP_ENC_MTOM : 0;
  struct soap *soap = soap_new1(SOAP_C_UTFSTRING | mode);
  struct _ns1__OpenAccount open = {"Ada & Söhne", "100"};
  struct _ns1__OpenAccountResponse opened;
  struct _ns1__Transfer transfer;
  struct _ns1__TransferResponse transferred;
  struct _ns1__GetBalance get;
  struct _ns1__GetBalanceResponse got;
  struct _ns1__ListTransactions list = {0};
  struct _ns1__ListTransactionsResponse listed;
  struct SOAP_ENV__Detail *detail;
  char *ada, *bob;
  (void)count;
  CALL(OpenAccount, open, opened);
  ada = opened.account;
  open.owner = "Bob";
  open.openingBalance = "0";
  CALL(OpenAccount, open, opened);
  bob = opened.account;
  transfer.from = ada;
  transfer.to = bob;
  transfer.amount = "30.25";
  CALL(Transfer, transfer, transferred);
  must(soap, !strcmp(transferred.balance, "69.75"), transferred.balance);
  get.account = bob;
  CALL(GetBalance, get, got);
  must(soap, !strcmp(got.balance, "30.25"), got.balance);
  printf("%s: calls\n", version);
  list.account = bob;
  CALL(ListTransactions, list, listed);
  must(soap, listed.__sizetransaction == 2, "two entries");
  printf("%s: structures and dates\n", version);
  transfer.from = bob;
  transfer.to = ada;
  transfer.amount = "1000";
  must(soap, soap_call___ns1__Transfer(soap, url, NULL, &transfer, &transferred) != SOAP_OK, "a fault");
  must(soap, (detail = details(soap)) && detail->ns1__InsufficientFunds, "its detail");
  printf("%s: InsufficientFunds\n", version);
  get.account = "000000000000";
  must(soap, soap_call___ns1__GetBalance(soap, url, NULL, &get, &got) != SOAP_OK, "a fault");
  must(soap, (detail = details(soap)) && detail->ns1__UnknownAccount, "its detail");
  printf("%s: UnknownAccount\n", version);
  soap_destroy(soap);
  soap_end(soap);
  soap_free(soap);
  return 0;
}
