requires 'perl', '5.010001';

# At run time: perl's own modules only.
requires 'Carp';
requires 'Compress::Raw::Bzip2';
requires 'Compress::Raw::Zlib';
requires 'Digest::MD5';
requires 'Digest::SHA';
requires 'Encode';
requires 'Errno';
requires 'Fcntl';
requires 'File::Basename';
requires 'File::Find';
requires 'File::Spec';
requires 'File::Temp';
requires 'Getopt::Long', '2.36';
requires 'IO::Handle';
requires 'IO::Select';
requires 'IO::Socket';
requires 'IO::Socket::INET';
requires 'IO::Socket::UNIX';
requires 'IO::Uncompress::Unzip';
requires 'MIME::Base64';
requires 'Net::Cmd';
requires 'Net::Domain';
requires 'POSIX';
requires 'Pod::Usage';
requires 'Scalar::Util';
requires 'Socket';
requires 'Storable';
requires 'Symbol';
requires 'Sys::Hostname';
requires 'Time::HiRes';
requires 'XSLoader';

# For mailboxes that xz has packed; for IPv6.
recommends 'Compress::Raw::Lzma';
recommends 'IO::Socket::IP';
recommends 'IO::Socket::SSL', '2.020';

# For AUTH by SCRAM, and by CRAM-MD5 and DIGEST-MD5.
suggests 'Authen::SCRAM::Client';
suggests 'Authen::SASL';
suggests 'Digest::HMAC_MD5';

# For mailwire --json.
suggests 'JSON::PP';

# For the page of mailwire sink.
suggests 'Email::MIME';
suggests 'Minion';
suggests 'Minion::Backend::SQLite';
suggests 'Mojo::Pg';
suggests 'Mojolicious';

# For Email::Sender::Transport::LMTP and ::QMTP; Email::Sender itself stands on Moo.
suggests 'Email::Sender';
suggests 'Moo';

# For domains that are not ASCII, where the server does not offer SMTPUTF8: one of these.
suggests 'Net::IDN::Encode';
suggests 'URI::_idna';

on configure => sub {
    requires 'Devel::PPPort', '3.22';
    requires 'ExtUtils::MakeMaker';
    requires 'File::Spec';
    requires 'File::Temp';
};

on build => sub {
    requires 'Devel::PPPort', '3.22';
    requires 'ExtUtils::ParseXS';
};

on test => sub {
    requires 'Archive::Tar';
    requires 'Cwd';
    requires 'Data::Dumper';
    requires 'Exporter';
    requires 'File::Path';
    requires 'IO::Compress::Bzip2';
    requires 'IO::Compress::Gzip';
    requires 'IO::Compress::Zip';
    requires 'IO::File';
    requires 'IO::Uncompress::Gunzip';
    requires 'IO::Zlib';
    requires 'Test::More', '0.96';
};

on develop => sub {
    requires 'CPAN::Changes';
    requires 'Devel::Cover';
    requires 'Module::CPANTS::Analyse';
    requires 'Net::Server::Mail';
    requires 'Perl::Critic';
    requires 'Perl::MinimumVersion';
    requires 'Pod::Spell';
    requires 'Test::LeakTrace';
    requires 'Test::Pod';
    requires 'Test::Pod::Coverage';
};
