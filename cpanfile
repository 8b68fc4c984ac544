requires 'perl', '5.010001';

# At run time: perl's own modules only.
requires 'Carp';
requires 'Digest::SHA';
requires 'Errno';
requires 'Fcntl';
requires 'File::Spec';
requires 'File::Temp';
requires 'IO::Handle';
requires 'IO::Select';
requires 'IO::Socket';
requires 'IO::Socket::INET';
requires 'IO::Socket::UNIX';
requires 'Net::Cmd';
requires 'Net::Domain';
requires 'POSIX';
requires 'Scalar::Util';
requires 'Socket';
requires 'Storable';
requires 'Symbol';
requires 'Time::HiRes';
requires 'XSLoader';

# For IPv6.
recommends 'IO::Socket::IP';

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
    requires 'Cwd';
    requires 'Exporter';
    requires 'IO::Compress::Gzip';
    requires 'IO::File';
    requires 'IO::Uncompress::Gunzip';
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
