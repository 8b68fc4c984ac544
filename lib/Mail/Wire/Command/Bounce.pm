package Mail::Wire::Command::Bounce;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Result ();
use Sys::Hostname ();

# Tells a sender that his message was not delivered (RFC 3464), by a program like sendmail.

use constant COMMAND => '/usr/sbin/sendmail -i -f <> --';

# The command is words; the sender's address is put behind them. Dies when it did not take the report.
sub send {
    my ($class, $command, $sender, $head, @results) = @_;
    my @words = (split(' ', defined $command ? $command : COMMAND), $sender);
    my $report = _report($sender, $head, @results);
    open my $out, '|-', @words or fail(CANT_CREATE, "$words[0]: $!");
    binmode $out;
    my $is_written = print {$out} $report;
    my $is_taken = close $out;
    return if $is_written and $is_taken;
    fail(CANT_CREATE, "$words[0] did not take the report to <$sender>: " . ($! ? "$!" : 'exit code ' . ($? >> 8)));
    return;
}

sub _report {
    my ($sender, $head, @results) = @_;
    my $boundary = join '-', 'mailwire', time, $$, map { sprintf '%08x', rand 0xffff_ffff } 1 .. 3;
    $head =~ s/\r\n/\n/g;
    my ($to, $host) = (Mail::Wire::Result::_on_one_line($sender), Sys::Hostname::hostname());
    my $lines = join '', map { $_->as_string . "\n" } @results;
    my $status = join "\n", map { _status($_) } @results;
    return <<"REPORT";
From: MAILER-DAEMON (Mail Delivery System)
To: <$to>
Subject: Undelivered mail returned to sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="$boundary"

--$boundary
Content-Type: text/plain

Your message was not delivered, and is not tried any more:

$lines
--$boundary
Content-Type: message/delivery-status

Reporting-MTA: dns; $host

$status
--$boundary
Content-Type: text/rfc822-headers

$head
--$boundary--
REPORT
}

# What was deferred all the time has expired (RFC 3463: 4.4.7).
sub _status {
    my ($result) = @_;
    my $enhanced = $result->enhanced;
    my $status = not($result->is_failure) ? '4.4.7' : defined $enhanced && $enhanced =~ /\A5\./ ? $enhanced : '5.0.0';
    my ($recipient, $said) = map { Mail::Wire::Result::_on_one_line($_) } $result->recipient, $result->code . ' ' . $result->message;
    return "Final-Recipient: rfc822; $recipient\nAction: failed\nStatus: $status\nDiagnostic-Code: smtp; $said\n";
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Bounce - how the command mailwire tells senders

=head1 DESCRIPTION

Internal to Mail-Wire: the reports that C<mailwire drain --bounce-after> sends. It may change in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
