<?php
// PHP's SoapClient calls the bank from its WSDL. Prints a line for each case that went well.
foreach (['1.1' => SOAP_1_1, '1.2' => SOAP_1_2] as $title => $version) {
    $bank = new SoapClient("$argv[1]?wsdl", ['soap_version' => $version, 'cache_wsdl' => WSDL_CACHE_NONE]);
    $ada = $bank->OpenAccount(['owner' => 'Ada & Söhne', 'openingBalance' => '100'])->account;
    $bob = $bank->OpenAccount(['owner' => 'Bob', 'openingBalance' => '0'])->account;
    if ($bank->Transfer(['from' => $ada, 'to' => $bob, 'amount' => '30.25'])->balance != '69.75') exit(1);
    if ($bank->GetBalance(['account' => $bob])->balance != '30.25') exit(1);
    echo "$title: calls\n";
    $entries = $bank->ListTransactions(['account' => $bob])->transaction;
    if (count($entries) != 2 || $entries[1]->kind != 'Received') exit(1);
    echo "$title: structures and dates\n";
    foreach (['InsufficientFunds' => fn() => $bank->Transfer(['from' => $bob, 'to' => $ada, 'amount' => '1000']),
              'UnknownAccount' => fn() => $bank->GetBalance(['account' => '000000000000'])] as $name => $call) {
        try {
            $call();
        } catch (SoapFault $fault) {
            if (!isset($fault->detail->$name->account)) { var_dump($fault); exit(1); }
            if (!preg_match('/(Client|Sender)$/', $fault->faultcode)) { var_dump($fault->faultcode); exit(1); }
            echo "$title: $name\n";
        }
    }
}
