requires 'perl', '5.010001';

# At run time: perl's own modules only.
requires 'Carp';
requires 'Exporter';
requires 'IO::Handle';
requires 'IO::Socket';
requires 'Net::Cmd';
requires 'Net::Domain';
requires 'Scalar::Util';
requires 'Socket';
requires 'Tie::Handle';
requires 'XSLoader';

recommends 'Authen::SASL';
recommends 'Email::Sender';
recommends 'IO::Socket::IP';
recommends 'IO::Socket::SSL', '2.007';

on configure => sub {
    requires 'Devel::PPPort';
    requires 'ExtUtils::MakeMaker';
    requires 'File::Temp';
};

on build => sub {
    requires 'Devel::PPPort';
    requires 'ExtUtils::ParseXS';
};

on test => sub {
    requires 'Test::More', '0.96';
};

on develop => sub {
    requires 'Devel::Cover';
    requires 'Net::Server::Mail';
    requires 'Perl::Critic';
    requires 'Perl::MinimumVersion';
    requires 'Test::LeakTrace';
    requires 'Test::Pod';
    requires 'Test::Pod::Coverage';
};
