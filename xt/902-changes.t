# Changes in the form that CPAN's readers take (CPAN::Changes::Spec), with this version on top, and each entry a sentence.

use strict;
use warnings;

use ExtUtils::MakeMaker ();
use lib 'xt/lib';
use RealServer;
use Test::More;

RealServer->need('CPAN::Changes');
no warnings 'once';

my $DATE = qr/\A(?:$CPAN::Changes::W3CDTF_REGEX|$CPAN::Changes::UNKNOWN_VALS)\z/;

my $changes = CPAN::Changes->load('Changes');
my @releases = reverse $changes->releases;    # the oldest one was first
ok(@releases > 0, 'there are releases') or BAIL_OUT('no release in Changes');
is($releases[0]->version, MM->parse_version('lib/Mail/Wire.pm'), 'the first one is this version');

for my $release (@releases) {
    my $name = $release->version;
    like($release->{_parsed_date} || '', $DATE, "$name: its date, or that it has none");
    my @entries = map { @{ $release->changes($_) } } $release->groups;
    ok(@entries > 0, '... what is new');
    is_deeply([ grep { !/\A\S.*\.\z/s } @entries ], [], '... in sentences');
}

my ($other) = CPAN::Changes->load_string("1.0  Not yet released\n    - x.\n")->releases;
unlike($other->{_parsed_date} || '', $DATE, 'a date in words of our own is found');
done_testing;
