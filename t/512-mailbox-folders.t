# Folders of mail: Maildirs, MH folders, trees of files, and what happens to them while they are read.

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Test::More;

use lib 't/lib';
use MailboxTest;

my $date = 'Mon Jan  1 00:00:00 2020';
sub mail { return "Subject: $_[0]\n\ntext\n" }

# A new folder with these files; a name that ends in / is a folder.
sub tree {
    my (%files) = @_;
    my $folder = File::Temp->newdir;
    for my $name (sort keys %files) {
        if ($name =~ m{/\z}) { File::Path::mkpath("$folder/$name") }
        else                 { write_file($name, $files{$name}, $folder) }
    }
    return $folder;
}

sub maildir { my ($name, %files) = @_; my $in = length $name ? "$name/" : ''; return (map({ ("$in$_/" => '') } qw(cur new tmp)), map { ("$in$_" => $files{$_}) } keys %files) }

# Folder and subject of each, and what died.
sub found {
    my ($mailbox) = @_;
    my @found;
    my $ok = eval { while (my $message = $mailbox->next) { my $subject = $message->header('Subject'); push @found, $message->folder . ': ' . (defined $subject ? $subject : '') } 1 };
    return (@found, $ok ? () : $@);
}

sub found_in { my ($path, @options) = @_; return [ found(Mail::Wire::Mailbox->new($path, @options)) ] }

sub place { my ($folder, $name) = @_; return defined $name ? "$folder/$name" : "$folder" }

# ---- kinds

my %maildir = maildir('Maildir',
    'cur/1600000003.a.b:2,S' => mail(3), 'new/1600000001.a.b' => mail(1), 'cur/1600000002.a.b:2,' => packed(Gzip => mail(2)), 'new/.hidden' => mail('hidden'),
    'tmp/1600000004.a.b' => mail('tmp'), 'cur/odd name' => mail('odd'), 'cur/1600000009.empty' => '', 'dovecot-uidlist' => "3 V1 N1\n", '12' => mail('a number'),
    '.mh_sequences' => "cur: 1\n");
%maildir = (%maildir, maildir('Maildir/.Sent.2020', 'cur/1.a' => mail('sent')), maildir('Maildir/Sub', 'cur/1.b' => mail('sub')), maildir('Maildir/Sub/.Deep', 'new/1' => mail('deep')));
my $all = tree(
    %maildir,
    'MH/inbox/10' => mail(10), 'MH/inbox/9' => mail(9), 'MH/inbox/,8' => mail('gone'), 'MH/inbox/7' => "no mail\n", 'MH/inbox/sub/1' => mail('sub'),
    'tree/a.eml' => mail('a'), 'tree/b.EML' => mail('b'), 'tree/c.txt' => mail('c'), 'tree/d.eml.gz' => packed(Gzip => mail('d')), 'tree/e/f.eml' => "text\n",
    'Old.mbox' => "From a\@x $date\n" . mail('old'), 'Box' => "From a\@x $date\n" . mail('box'), 'Local.sbd/Box' => "\1\1\1\1\n" . mail('mmdf') . "\1\1\1\1\n",
);
symlink 'MH', "$all/link" or die $!;
symlink "$all", "$all/loop" or die $!;
symlink 'nowhere', "$all/dangling.eml" or die $!;
POSIX::mkfifo("$all/fifo.eml", oct 600) or die $!;

my @maildir = ('INBOX: 1', 'INBOX: 2', 'INBOX: 3', 'INBOX: odd', 'Sent/2020: sent');
my @mh = ('inbox: 9', 'inbox: 10', 'inbox/sub: sub');

for my $case (
    [ 'Maildir',    [ @maildir, 'Maildir: a number', 'Sub: sub', 'Sub/Deep: deep' ] ],
    [ 'Maildir/',   [ @maildir, 'Sub: sub', 'Sub/Deep: deep' ], Format => 'maildir' ],
    [ 'MH',         [@mh] ],
    [ 'MH/inbox',   [ 'inbox: 9', 'inbox: 10', 'sub: sub' ] ],
    [ 'MH',         [ 'inbox: ', @mh ], Format => 'mh' ],
    [ 'tree',       [ 'tree: a', 'tree: b', 'tree: d', 'e: ' ] ],
    [ 'tree',       [ 'tree: a', 'tree: b', 'tree: c', 'tree: d', 'e: ' ], Format => 'eml' ],
    [ 'tree/c.txt', ['c.txt: c'] ],
    [ 'Old.mbox',   ['Old: old'] ],
    [ 'Local.sbd',  ['Box: mmdf'] ],
    [ 'link',       [ map { s/\AMH/link/; $_ } @mh ] ],
    [ undef, [ 'Box: box', 'Local/Box: mmdf', (map {"MH/$_"} @mh), (map { s/INBOX/Maildir/; s{\A(?!Maildir)}{Maildir/}; $_ } @maildir), 'Maildir: a number',
        'Maildir/Sub: sub', 'Maildir/Sub/Deep: deep', 'Old: old', 'tree: a', 'tree: b', 'tree: d', 'tree/e: ' ] ],
) {
    my ($name, $expected, @options) = @$case;
    is_deeply(found_in(place($all, $name), @options), $expected, join ' ', defined $name ? $name : 'all', @options);
}

my $mailbox = Mail::Wire::Mailbox->new("$all");
1 while $mailbox->next;
is_deeply([ map { s/\A\Q$all\E//; $_ } $mailbox->skipped ],
    [ '/MH/inbox/,8', '/MH/inbox/7', '/Maildir/cur/1600000009.empty', qw(/Maildir/.mh_sequences /Maildir/dovecot-uidlist /tree/c.txt) ], 'what is no mail is named');

{
    my $folder = tree(maildir('', map { ($_ => mail($_)) } qw(new/1.a new/2.a new/3.a cur/2.a cur/2.b), 'cur/3.a:2,S'));
    my @cur = ('INBOX: cur/2.a', 'INBOX: cur/2.b', 'INBOX: cur/3.a:2,S');
    is_deeply(found_in("$folder"), [ 'INBOX: new/1.a', 'INBOX: new/2.a', @cur[ 0, 1 ], 'INBOX: new/3.a', $cur[2] ], 'a name in new and in cur is that of two messages');
    my $box = Mail::Wire::Mailbox->new("$folder");
    $box->next;
    unlink map {"$folder/new/$_.a"} 2, 3 or die $!;
    is_deeply([ found($box) ], \@cur, '... and of one that was in both while it was moved');
}
{
    my $folder = tree(maildir('', map { ("cur/$_.a:2," => mail($_)) } 1, 3));
    symlink 'nowhere', "$folder/cur/2.a:2," or die $!;
    my $box = Mail::Wire::Mailbox->new("$folder");
    my ($first, $why) = found($box);
    is($first, 'INBOX: 1', 'a Maildir with a link to nothing');
    my $none = do { local $! = POSIX::ENOENT(); "$!" };
    like($why, qr{\Acannot read \Q$folder\E/cur/2\.a:2,: \Q$none\E}, '... which is named');
    is_deeply([ found($box) ], ['INBOX: 3'], '... and the next one comes');
}

for my $case (
    [ 'a folder among the messages of a Maildir', ['INBOX: 1'], maildir('', 'cur/1.a' => mail(1), 'cur/dir/2.eml' => mail(2)) ],
    [ 'cur without new, which is no Maildir', ['INBOX: b'], 'cur/b.eml' => mail('b') ],
) {
    my ($name, $expected, @files) = @$case;
    my $folder = tree(@files);
    is_deeply(found_in("$folder"), $expected, $name);
}

# ---- what changes meanwhile

{
    my $folder = tree(maildir('', map { ("new/160000000$_.a.b" => mail($_)) } 1 .. 5));
    my $box = Mail::Wire::Mailbox->new("$folder");
    my $first = $box->next;
    rename "$folder/new/1600000002.a.b", "$folder/cur/1600000002.a.b:2,S" or die $!;
    unlink "$folder/new/1600000003.a.b" or die $!;
    rename "$folder/new/1600000004.a.b", "$folder/cur/1600000004.a.b" or die $!;
    write_file($_, mail('later'), $folder) for 'new/1600000006.a.b', 'cur/1600000003.a.bc:2,';
    is_deeply([ found($box) ], [ 'INBOX: 2', 'INBOX: 4', 'INBOX: 5' ], 'a message that is read meanwhile is found, one that is removed is gone');
    unlink "$folder/new/1600000001.a.b" or die $!;
    is($first->as_string, mail(1), 'one that was given stays');
    ok(eval { $first->content; 1 }, '... to be sent');
}
{
    my $packed = packed(Gzip => "From a\@x $date\n" . mail('cut'));
    my $folder = tree('a.eml' => mail('a'), 'b.mbox.gz' => substr($packed, 0, -1), 'c/d.eml' => mail('d'));
    my $box = Mail::Wire::Mailbox->new("$folder");
    my ($first, $died) = found($box);
    like($died, qr{/b\.mbox\.gz, offset \d+: the packed data ends too early: it is cut}, 'a file that is cut');
    is_deeply([ $first, found($box) ], [ "$folder: a" =~ m{([^/]+)\z}, 'c: d' ], '... and the others');
}
SKIP: {
    my $folder = tree('a.eml' => mail('a'), 'b.eml' => mail('b'), 'c/d.eml' => mail('d'));
    chmod 0, "$folder/a.eml", "$folder/c" or die $!;
    skip 'root reads everything', 2 if -r "$folder/a.eml";
    my $box = Mail::Wire::Mailbox->new("$folder");
    my @found = map { [ found($box) ] } 1 .. 3;
    like($found[0][0], qr{\Acannot read \S+/a\.eml: }, "a file that is nobody's to read");
    like($found[1][1], qr{\Acannot read \S+/c: }, '... and a folder');
}
like(eval { Mail::Wire::Mailbox->new("$all/nothing") } || $@, qr{\Acannot read \S+/nothing: }, 'a folder that is not there');
like(eval { Mail::Wire::Mailbox->new("$all/Box", Format => 'mh') } || $@, qr{/Box is no folder}, 'a file where a folder is due');

done_testing;
