package Mail::Wire::Mailbox::From;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

# The line that begins a message in an mbox: "From ", an address, a date. Without both it is text.

my $day   = qr/(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;
my $month = qr/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/;
my $time  = qr/[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?/;
my $zone  = qr/[ ]+(?:\(?[A-Za-z]{1,6}\)?|[+-][0-9]{4})/;

# As asctime has it, with zones where some programs put them, or as a header's date.
my $asctime = qr/$day[ ]+$month[ ]+[0-9]{1,2}[ ]+$time$zone{0,2}[ ]+[0-9]{4}$zone?/;
my $date    = qr/$asctime|(?:$day,?[ ]+)?[0-9]{1,2}[ ]+$month[ ]+[0-9]{2,4}[ ]+$time$zone{0,2}/;
my $line = qr/\AFrom[ ]+("(?:[^"\\]|\\.)*"\S*|\S+)[ \t]+($date)(?:[ ]remote[ ]from[ ].*)?[ \t\r]*\z/;

# A longer line is none.
use constant LINE_MAX => 1000;

# What its end is not part of.
sub is_line { length $_[0] <= LINE_MAX and $_[0] =~ $line }

# The sender, '' for the null sender and undef where it is not known, and the date.
sub parts {
    my ($text) = @_;
    return if not defined $text or $text !~ $line;
    my ($address, $when) = ($1, $2);
    $address =~ s/\A<(.*)>\z/$1/;
    return ($address eq '-' ? undef : $address =~ /\AMAILER-DAEMON\z/i ? '' : $address, $when);
}

1;
